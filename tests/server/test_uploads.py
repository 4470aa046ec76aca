"""Uploads: images, sidecars, templates, zips of these; what attackers pack, and a second time."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from offspec.annotations import Annotation, DefectShape, to_labelme
from offspec.images import encode_png
from offspec.json_files import json_bytes
from offspec.server import zips
from offspec.template import whole_image_template
from tests.server.conftest import Server
from tests.synth import SIZE_HW, part_image

SIZE_WH = (SIZE_HW[1], SIZE_HW[0])
OUTLINE = ((10.0, 10.0), (20.0, 10.0), (20.0, 20.0))
BAD = Annotation("a.png", SIZE_WH, {"": "ng"}, (DefectShape("scratch", OUTLINE),))


def send(client: TestClient, project: str, *files: tuple[str, bytes]) -> list[dict[str, Any]]:
    parts = [("files", (name, io.BytesIO(data))) for name, data in files]
    found = client.post(f"/api/v1/projects/{project}/images", files=parts)
    assert found.status_code == 201, found.text
    listed: list[dict[str, Any]] = found.json()
    return listed


def picture(seed: int = 0) -> bytes:
    return encode_png(part_image(seed))


def side(said: Annotation = BAD) -> bytes:
    return json_bytes(to_labelme(said))


def packed(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def images(client: TestClient, project: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/projects/{project}/images").json()["items"]
    return found


def said_of(client: TestClient, project: str, image: str) -> dict[str, Any]:
    path = f"/api/v1/projects/{project}/images/{image}/annotation"
    found: dict[str, Any] = client.get(path).json()
    return found


def drawn_on(data: bytes, name: str = "a.png") -> bytes:
    template = whole_image_template(
        SIZE_WH, reference_file=name, reference_sha256=hashlib.sha256(data).hexdigest()
    )
    return json_bytes(template.to_dict())


def test_a_zip_of_images_sidecars_and_a_template_is_taken_whole(
    engineer: TestClient, project: str
) -> None:
    archive = packed(
        ("set/template.json", drawn_on(picture(0))),
        ("set/a.json", side()),
        ("set/a.png", picture(0)),
        ("set/b.png", picture(1)),
        ("set/b.json", side(Annotation("b.png", SIZE_WH, defect_free=True))),
        ("__MACOSX/set/._a.png", b"x"),
        ("set/.DS_Store", b"x"),
    )
    found = send(engineer, project, ("set.zip", archive))
    assert [(o["name"], o["kind"], o["error"]) for o in found] == [
        ("a.json", "annotation", None),
        ("a.png", "image", None),
        ("b.json", "annotation", None),
        ("b.png", "image", None),
        ("template.json", "template", None),
    ]
    assert {i["name"]: i["label"] for i in images(engineer, project)} == {
        "a.png": "ng",
        "b.png": "ok",
    }
    assert found[0]["image"]["label"] == "ng"
    assert found[4]["image"]["name"] == "a.png"
    drawn = engineer.get(f"/api/v1/projects/{project}/template").json()
    assert (drawn["version"], drawn["reference_id"]) == (1, found[1]["image"]["id"])


def test_the_same_upload_again_changes_nothing(
    server: Server, engineer: TestClient, admin: TestClient, project: str
) -> None:
    files = (("a.json", side()), ("a.png", picture(0)), ("template.json", drawn_on(picture(0))))
    first = send(engineer, project, *files)
    assert [one["known"] for one in first] == [False] * 3
    events = admin.get("/api/v1/audit/verify").json()["events"]
    again = send(engineer, project, *files)
    assert [(one["known"], one["error"]) for one in again] == [(True, None)] * 3
    zipped = send(engineer, project, ("all.zip", packed(*files)))
    assert [one["known"] for one in zipped] == [True] * 3
    assert admin.get("/api/v1/audit/verify").json()["events"] == events
    assert said_of(engineer, project, first[1]["image"]["id"])["revision"] == 1


def test_many_who_upload_the_same_at_once_get_the_same(
    server: Server, engineer: TestClient, project: str
) -> None:
    files = [("a.png", picture(0)), ("a.json", side()), ("b.png", picture(1))]
    clients = [server.sign_in("eve") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(send, one, project, *files) for one in clients]
    answers = [one.result() for one in asked]
    assert {tuple(o["image"]["id"] for o in one) for one in answers} == {
        tuple(o["image"]["id"] for o in answers[0])
    }
    assert sum(not one[0]["known"] for one in answers) == 1
    assert sum(not one[1]["known"] for one in answers) == 1
    assert len(images(engineer, project)) == 2


def test_another_annotation_is_refused_and_the_first_stays(
    engineer: TestClient, project: str
) -> None:
    _, image = send(engineer, project, ("a.json", side()), ("a.png", picture(0)))
    other = replace(BAD, defects=(), verdicts={"": "ok"})
    (found,) = send(engineer, project, ("a.json", side(other)))
    assert "another annotation" in found["error"]
    assert not found["known"]
    kept = said_of(engineer, project, image["image"]["id"])
    assert (kept["revision"], kept["label"]) == (1, "ng")


def test_a_sidecar_fills_an_annotation_that_says_nothing(
    engineer: TestClient, project: str
) -> None:
    empty = Annotation("a.png", SIZE_WH)
    send(engineer, project, ("a.png", picture(0)), ("a.json", side(empty)))
    (found,) = send(engineer, project, ("a.json", side()))
    assert found["error"] is None
    assert found["image"]["label"] == "ng"


def test_a_sidecar_finds_its_image_in_its_folder_then_anywhere_then_in_the_project(
    engineer: TestClient, project: str
) -> None:
    good = side(Annotation("x.png", SIZE_WH, defect_free=True))
    archive = packed(
        ("one/x.png", picture(0)), ("one/x.json", side()),
        ("two/x.png", picture(1)), ("two/x.json", good),
        ("three/x.json", good),
        ("images/y.png", picture(2)), ("labels/y.json", side()),
    )  # fmt: skip
    found = send(engineer, project, ("z.zip", archive))
    by_name = [(o["name"], (o["image"] or {}).get("label"), bool(o["error"])) for o in found]
    assert by_name == [
        ("y.png", None, False), ("y.json", "ng", False),
        ("x.json", "ng", False), ("x.png", None, False),
        ("x.json", None, True),
        ("x.json", "ok", False), ("x.png", None, False),
    ]  # fmt: skip
    assert "2 images" in found[4]["error"]
    send(engineer, project, ("late.png", picture(3)))
    (late,) = send(engineer, project, ("late.json", side()))
    assert late["image"]["name"] == "late.png"
    (lost,) = send(engineer, project, ("lost.json", side()))
    assert "No image belongs" in lost["error"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.json", b'{"shapes": 3}'),
        ("a.json", b'{"flags": {"defect_free": true}, "shapes": [{"points": [[0,0],[5,5]]}]}'),
        ("a.json", b"[" * 100_000),
        ("a.json", b'{"x": NaN}'),
        ("a.json", b'{"what": "is this"}'),
        ("a.json", b"[1, 2]"),
        ("a.json", b'{"flags": {}, "imageWidth": 5, "imageHeight": 5}'),
        ("template.json", b'{"format_version": 1, "reference": {}, "regions": []}'),
        ("template.json", b'{"format_version": 9, "reference": {}, "regions": []}'),
        ("notes.txt", b"hello"),
        ("a.zip", b"PK\x03\x04 and nothing else"),
    ],
)
def test_what_cannot_be_taken_says_why_and_the_rest_is_taken(
    engineer: TestClient, project: str, name: str, data: bytes
) -> None:
    found = send(engineer, project, (name, data), ("a.png", picture(0)))
    assert found[0]["error"]
    assert found[0]["image"] is None
    assert found[1]["error"] is None
    (kept,) = images(engineer, project)
    assert (kept["name"], kept["label"], kept["revision"]) == ("a.png", None, 0)


def test_a_template_needs_its_image_and_an_engineer(
    server: Server, engineer: TestClient, admin: TestClient, project: str
) -> None:
    (found,) = send(engineer, project, ("template.json", drawn_on(picture(0))))
    assert "does not have" in found["error"]
    quality = server.person("max", "quality")
    users = {u["name"]: u["id"] for u in admin.get("/api/v1/users").json()}
    admin.put(f"/api/v1/projects/{project}/members/{users['max']}")
    found = send(quality, project, ("a.png", picture(0)), ("template.json", drawn_on(picture(0))))[
        1
    ]
    assert "engineer" in found["error"]
    assert engineer.get(f"/api/v1/projects/{project}/template").status_code == 404


# -- zips of attackers ---------------------------------------------------------------


def kept_files(server: Server) -> list[str]:
    return sorted(p.name for p in server.services.settings.data.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    "name",
    ["../../../etc/cron.d/x.png", "/etc/x.png", "C:\\Windows\\x.png", "a/../../x.png", "\x01x.png"],
)
def test_names_in_a_zip_are_shown_and_never_opened(
    server: Server, engineer: TestClient, project: str, name: str
) -> None:
    (found,) = send(engineer, project, ("z.zip", packed((name, picture(0)))))
    assert (found["name"], found["error"]) == ("x.png", None)
    assert not any("x.png" in one for one in kept_files(server))


def test_a_bomb_is_refused_before_it_is_unpacked(
    server: Server, engineer: TestClient, project: str
) -> None:
    before = kept_files(server)
    bomb = packed(("a.png", bytes(200 << 20)), ("b.png", picture(0)))
    assert len(bomb) < 1 << 20
    start = time.monotonic()
    found = send(engineer, project, ("z.zip", bomb))
    assert time.monotonic() - start < 5.0
    assert "times is taken" in found[0]["error"]
    assert found[1]["error"] is None
    assert len(kept_files(server)) == len(before) + 1


def test_many_large_entries_are_refused_by_their_sum(engineer: TestClient, project: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for i in range(9):
            archive.writestr(f"{i}.png", b"x")
    data = bytearray(out.getvalue())
    at = -1
    for _ in range(9):  # the sizes in the directory lie: half a gigabyte each
        at = data.index(b"PK\x01\x02", at + 1)
        struct.pack_into("<I", data, at + 24, 500 << 20)
    (found,) = send(engineer, project, ("z.zip", bytes(data)))
    assert "unpacks to" in found["error"]


def test_an_entry_whose_size_lies_is_refused(engineer: TestClient, project: str) -> None:
    data = bytearray(packed(("a.png", picture(0))))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 100)
    (found,) = send(engineer, project, ("z.zip", bytes(data)))
    assert found["error"]
    assert images(engineer, project) == []


def test_more_entries_than_are_taken_are_refused_at_once(
    engineer: TestClient, project: str
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for i in range(66_000):  # more than the short form counts
            archive.writestr(str(i), b"")
    start = time.monotonic()
    (found,) = send(engineer, project, ("z.zip", out.getvalue()))
    assert time.monotonic() - start < 5.0
    assert "At most" in found["error"]
    data = bytearray(packed(*((f"{i}.png", b"") for i in range(zips.MAX_ENTRIES + 5))))
    struct.pack_into("<HH", data, data.rindex(b"PK\x05\x06") + 8, 1, 1)  # the count lies
    (found,) = send(engineer, project, ("z.zip", bytes(data)))
    assert "At most" in found["error"]


def test_a_zip_in_a_zip_is_not_opened(engineer: TestClient, project: str) -> None:
    inner = packed(("a.png", picture(0)))
    (found,) = send(engineer, project, ("z.zip", packed(("inner.png", inner))))
    assert "zip inside a zip" in found["error"]
    assert images(engineer, project) == []


def test_encrypted_damaged_and_odd_entries_are_named(engineer: TestClient, project: str) -> None:
    data = bytearray(packed(("a.png", picture(0))))
    for magic, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.index(magic) + offset] |= 1
    (found,) = send(engineer, project, ("z.zip", bytes(data)))
    assert "encrypted" in found["error"]
    data = bytearray(packed(("a.png", picture(0))))
    data[len(data) // 2] ^= 0xFF
    (found,) = send(engineer, project, ("z.zip", bytes(data)))
    assert found["error"]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.png", picture(0))
    (found,) = send(engineer, project, ("z.zip", out.getvalue()))
    assert "method" in found["error"]
    assert images(engineer, project) == []


def test_a_large_sidecar_is_refused(
    engineer: TestClient, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offspec.server.uploads.MAX_JSON_BYTES", 1000)
    content = {**to_labelme(BAD), "imageData": "x" * 2000}
    found = send(engineer, project, ("a.png", picture(0)), ("a.json", json.dumps(content).encode()))
    assert "At most" in found[1]["error"] or "at most" in found[1]["error"]


def test_texts_that_no_database_keeps_are_refused(engineer: TestClient, project: str) -> None:
    content = to_labelme(BAD)
    content["shapes"][0]["label"] = "a\0b"
    found = send(engineer, project, ("a.png", picture(0)), ("a.json", json.dumps(content).encode()))
    assert found[1]["error"]
    assert len(images(engineer, project)) == 1
