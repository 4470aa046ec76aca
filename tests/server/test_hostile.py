"""Somebody who knows the protocol well: oddities of headers, texts, zips and timing."""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvicorn
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from offspec.errors import InputError, LimitError, OptionError
from offspec.server import zips
from offspec.server.http_head import HeadLimited
from offspec.server.settings import MAX_BARE_BYTES, MAX_JSON_BYTES
from offspec.store import accounts, registry
from offspec.store.backup import restore
from offspec.store.models import ModelRow, User
from tests.server.conftest import PASSWORD, Server
from tests.server.line import Line
from tests.server.test_attacks import upload
from tests.server.test_inspect import machine, send, version
from tests.synth import part_image

__all__ = ["machine", "version"]  # fixtures
API = "/api/v1"
JSON = {"content-type": "application/json"}


def test_a_line_is_remembered_by_its_token_alone(
    server: Server, engineer: TestClient, machine: TestClient, project: str
) -> None:
    """A proxy with a password of its own gives all its people the same header."""
    engineer.headers["authorization"] = "Basic cHJveHk6cHJveHk="
    for _ in range(2):  # the first one loads the model
        assert send(engineer, project, part_image(50)).status_code == 201
    stranger = server.client()
    stranger.headers["authorization"] = "Basic cHJveHk6cHJveHk="
    assert send(stranger, project, part_image(50)).status_code == 401
    assert send(machine, project, part_image(50)).status_code == 201


def test_a_key_of_another_picture_is_refused(machine: TestClient, project: str) -> None:
    """Else a bad part would pass by the verdict on a good one."""
    first = send(machine, project, part_image(51), key="P7")
    assert first.status_code == 201
    other = send(machine, project, part_image(50, defect="blot"), key="P7")
    assert other.status_code == 409
    assert "another picture" in other.json()["detail"]
    assert send(machine, project, part_image(51), key="P7").json() == first.json()


def test_one_key_with_two_pictures_at_once_gives_one_verdict(
    machine: TestClient, project: str
) -> None:
    pictures = [part_image(51), part_image(50, defect="blot")] * 3
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda one: send(machine, project, one, key="P8"), pictures))
    codes = [one.status_code for one in found]
    assert sorted(codes) == [201] * 3 + [409] * 3
    assert len({one.json()["id"] for one in found if one.status_code == 201}) == 1


def test_a_token_reads_no_log_of_the_server(admin: TestClient, server: Server) -> None:
    project = admin.post(f"{API}/projects", json={"name": "cap"}).json()["id"]
    made = admin.post(f"{API}/projects/{project}/tokens", json={"name": "line"}).json()
    client = server.client()
    client.headers["authorization"] = f"Bearer {made['token']}"
    for path in ("", "/export", "/verify"):
        assert client.get(f"{API}/audit{path}").status_code == 403
        assert admin.get(f"{API}/audit{path}").status_code == 200


def test_bodies_without_credentials_are_small(server: Server, engineer: TestClient) -> None:
    large = b'{"name":[' + b"[]," * (MAX_BARE_BYTES // 3) + b"[]]}"
    nobody = server.client()
    for path in ("/session", "/projects", "/projects/x/images", "/projects/x/inspect"):
        assert nobody.post(API + path, content=large, headers=JSON).status_code == 413
    assert engineer.post(f"{API}/session", content=large, headers=JSON).status_code == 413
    assert engineer.post(f"{API}/projects", content=large, headers=JSON).status_code == 422


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer made-up", "content-length": "900000000"},
        {"cookie": "offspec_session=made-up", "content-length": "900000000"},
        {"cookie": "offspec_session=made-up", "transfer-encoding": "chunked"},
        {"cookie": "no=cookie; of=ours", "content-length": "70000"},
    ],
)
def test_large_bodies_of_strangers_are_not_read(
    server: Server, project: str, headers: dict[str, str]
) -> None:
    said: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was read")

    async def tell(message: Any) -> None:
        said.append(message)

    named = {"host": "127.0.0.1", "content-type": "application/octet-stream", **headers}
    path = f"{API}/projects/{project}/inspect"
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": [(k.encode(), v.encode()) for k, v in named.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "app": server.app,
    }  # fmt: skip
    anyio.run(server.app, scope, receive, tell)
    assert said[0]["status"] == 401


def test_who_was_let_in_is_not_when_the_session_ends(server: Server, engineer: TestClient) -> None:
    large = b"x" * (MAX_BARE_BYTES + 1)
    path = f"{API}/projects/none/inspect"
    picture = {"content-type": "application/octet-stream"}
    assert engineer.post(path, content=large, headers=picture).status_code == 404
    cookie = {"cookie": f"offspec_session={engineer.cookies['offspec_session']}"}
    engineer.delete(f"{API}/session")
    assert server.client().post(path, content=large, headers=cookie | picture).status_code == 401


def test_json_is_smaller_than_pictures(engineer: TestClient, project: str) -> None:
    large = b" " * (MAX_JSON_BYTES + 1)
    for path in ("", f"/{project}/inspect", f"/{project}/images", f"/{project}/jobs"):
        found = engineer.post(f"{API}/projects{path}", content=large, headers=JSON)
        assert found.status_code == 413
    picture = {"content-type": "application/octet-stream"}
    found = engineer.post(f"{API}/projects/{project}/inspect", content=large, headers=picture)
    assert found.status_code == 409  # no model is approved


def test_a_nul_is_malformed_wherever_it_stands(
    admin: TestClient, engineer: TestClient, project: str
) -> None:
    of = f"/projects/{project}"
    for path in (
        "/projects/%00", f"{of}/images/%00", f"{of}/images?after=1,%00", f"{of}/jobs/a%00b",
        f"{of}/inspections?part_id=%00", f"{of}/inspections/rates?line=%00", "/audit?action=%00",
    ):  # fmt: skip
        assert admin.get(API + path).status_code == 422, path
    assert admin.patch(f"{API}/users/%00", json={}).status_code == 422
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/session", {"name": "a\0", "password": PASSWORD}),
        (f"{of}/tokens", {"name": "a\0"}),
        (f"{of}/versions", {"note": "a\0"}),
        (f"{of}/jobs", {"kind": "check", "version_id": "a\0"}),
    ]
    for path, body in bodies:
        assert engineer.post(API + path, json=body).status_code == 422, path
    template = b'{"reference_id": "\\ud800", "content": {}}'
    found = engineer.put(f"{API}{of}/template", content=template, headers=JSON)
    assert found.status_code == 422


def test_a_name_that_grows_when_folded_is_refused_like_any(server: Server) -> None:
    said = {"name": "\u0390" * 80, "password": PASSWORD}
    assert server.client().post(f"{API}/session", json=said).status_code == 401


def test_a_zip_name_that_is_no_text_harms_no_other_file(engineer: TestClient, project: str) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as packed:
        packed.writestr("a.png", b"x" * 50)
    data = bytearray(whole.getvalue())
    directory = data.find(b"PK\1\2")
    data[6:8] = data[directory + 8 : directory + 10] = struct.pack("<H", 0x800)
    data[30] = 0xFF
    image = upload(engineer, project, "b.zip", bytes(data))
    assert "damaged" in image["error"]


def test_a_long_comment_hides_no_long_directory() -> None:
    """The long end record stands before the end record, however far that is from the end."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", *[0] * 9, 1, *[0] * 6) + b"a"
    count = 2 * zips.MAX_ENTRIES
    directory = entry * count
    long_end = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), 0
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 47, 0, 65_535)
    stream = io.BytesIO(directory + long_end + locator + end + b" " * 65_535)
    assert len(zipfile.ZipFile(stream).infolist()) == count
    with pytest.raises(LimitError, match="about 65536 entries"):
        zips.open_zip(stream)


def at_once(*calls: Callable[[], object]) -> list[Exception | None]:
    """Run all at the same moment; what each raised."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> Exception | None:
        start.wait()
        try:
            call()
        except Exception as error:  # noqa: BLE001 - it is what is asked for
            return error
        return None

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def test_two_approvals_at_once_leave_one_model_in_use(line: Line) -> None:
    database = line.server.services.database
    ids = [line.hand_set(0.3 + i / 100, 0.6) for i in range(4)]

    def approve(id_: str) -> None:
        with database.write() as db:
            user = db.scalars(select(User)).first()
            assert user is not None
            registry.approve(db, user, db.get_one(ModelRow, id_))

    for _ in range(5):
        assert at_once(*(lambda id_=id_: approve(id_) for id_ in ids)) == [None] * 4
        with database.read() as db:
            query = select(func.count()).where(ModelRow.approved.is_(True))
            assert db.scalar(query) == 1


def test_two_administrators_cannot_remove_each_other(server: Server) -> None:
    database = server.services.database
    with database.write() as db:
        ids = [accounts.create_user(db, "test", f"a{i}", "admin", PASSWORD).id for i in range(4)]

    def demote(id_: str) -> None:
        with database.write() as db:
            accounts.change_user(db, "test", db.get_one(User, id_), role="operator")

    found = at_once(*(lambda id_=id_: demote(id_) for id_ in ids))
    assert sum(isinstance(one, OptionError) for one in found) == 1
    with database.read() as db:
        assert db.scalar(select(func.count()).where(User.role == "admin")) == 1


def test_thresholds_set_at_once_get_numbers_of_their_own(line: Line) -> None:
    database = line.server.services.database

    def enter() -> None:
        with database.write() as db:
            user, parent = db.scalars(select(User)).first(), db.get_one(ModelRow, line.model)
            assert user is not None
            registry.add_changed(db, user, parent, parent.bundle_sha256, parent.summary, "race")

    assert at_once(*[enter] * 4) == [None] * 4


def test_a_head_without_end_is_refused(server: Server) -> None:
    config = uvicorn.Config(server.app, port=0, log_config=None, http=HeadLimited)
    served = uvicorn.Server(config)
    thread = threading.Thread(target=served.run)
    thread.start()
    try:
        while not served.started:
            time.sleep(0.01)
        port = served.servers[0].sockets[0].getsockname()[1]
        line = b"X-A: " + b"a" * 9000 + b"\r\n"
        for count, status in ((3, b"200"), (400, b"400")):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as stream:
                head = b"GET /api/v1/health/live HTTP/1.1\r\nHost: localhost\r\n"
                with contextlib.suppress(OSError):  # it has hung up already
                    stream.sendall(head)
                    for _ in range(count):
                        stream.sendall(line)
                        time.sleep(0.001)
                    if status == b"200":
                        stream.sendall(b"\r\n")
                assert status in stream.recv(100)
    finally:
        served.should_exit = True
        thread.join()


@pytest.mark.parametrize("is_sparse", [True, False])
def test_a_hostile_backup_is_refused(tmp_path: Path, is_sparse: bool) -> None:
    member = tarfile.TarInfo("offspec.db")
    member.size = 0 if is_sparse else 900
    data = bytearray(member.tobuf(tarfile.GNU_FORMAT) + b"x" * 1024)
    if is_sparse:  # of three gigabytes
        data[156:157], data[483:495] = b"S", b"%011o\0" % (3 << 30)
        data[148:156] = b" " * 8
        data[148:156] = b"%06o\0 " % sum(data[:512])
        data[512:] = bytes(1024)
    (tmp_path / "a.tar").write_bytes(data + bytes(1024))
    with pytest.raises(InputError, match="no part of one" if is_sparse else "cannot be read"):
        restore(tmp_path / "a.tar", tmp_path / "new")
