"""A backup taken while the server works holds everything its database names."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from pathlib import Path

import pytest

from offspec.errors import InputError, OptionError
from offspec.server.services import Services
from offspec.server.settings import Settings
from offspec.store import accounts
from offspec.store.accounts import RefusedError, create_user, session_of, sign_in
from offspec.store.backup import back_up, restore
from offspec.store.blobs import BlobStore
from offspec.store.database import Database
from offspec.store.models import ApiToken, AuditEvent, Image, Project
from offspec.store.queries import add_image
from tests.trained import offspec


@pytest.fixture
def services(tmp_path: Path) -> Services:
    found = Services.open(Settings(tmp_path / "data"))
    with found.database.write() as db:
        create_user(db, "test", "ada", "admin", "correct horse battery")
        db.add(Project(id="p", name="cap", problem={}))
    return found


def keep(services: Services, number: int) -> None:
    data = f"picture {number}".encode()
    sha256 = services.blobs.put(data)
    with services.database.write() as db:
        add_image(db, "ada", "p", f"{number}.png", sha256, (1, 1), len(data))


def test_nobody_is_signed_in_after_a_restore(services: Services, tmp_path: Path) -> None:
    with services.database.write() as db:
        found = sign_in(db, "ada", "correct horse battery", "127.0.0.1")
    assert not isinstance(found, RefusedError)
    back_up(services.settings.data, tmp_path / "b.tar")
    restore(tmp_path / "b.tar", tmp_path / "restored")
    database = Database(f"sqlite:///{tmp_path}/restored/offspec.db")
    with database.read() as db:
        assert session_of(db, found.token) is None
    database.close()
    with services.database.read() as db:
        assert session_of(db, found.token) is not None


def test_tokens_of_a_restored_copy_are_counted_and_ended(
    services: Services, tmp_path: Path
) -> None:
    with services.database.write() as db:
        people = [
            create_user(db, "test", name, "engineer", "correct horse battery")
            for name in ("eve", "otto")
        ]
        project = db.get_one(Project, "p")
        made = [accounts.create_token(db, "test", one, project, one.name) for one in people]
        accounts.change_user(db, "test", people[1], active=False)
    data, out = services.settings.data, tmp_path / "b.tar"
    assert offspec("backup", "--data", data, "--out", out).code == 0
    with services.database.write() as db:
        accounts.revoke_token(db, "eve", made[0][0])  # after the backup
    services.database.close()

    kept = offspec("restore", out, "--data", tmp_path / "kept", "--json", tmp_path / "kept.json")
    assert "1 token is valid again" in " ".join(kept.stdout.split())
    assert json.loads((tmp_path / "kept.json").read_text())["tokens"] == 1
    database = Database(f"sqlite:///{tmp_path}/kept/offspec.db")
    with database.read() as db:
        assert accounts.token_of(db, made[0][1]) is not None
    database.close()

    ended = offspec("restore", out, "--data", tmp_path / "ended", "--revoke-tokens")
    assert "2 tokens are revoked" in " ".join(ended.stdout.split())
    assert "valid again" not in ended.stdout
    database = Database(f"sqlite:///{tmp_path}/ended/offspec.db")
    with database.read() as db:
        assert not db.query(ApiToken).filter(ApiToken.revoked.is_(False)).count()
        logged = db.query(AuditEvent).filter_by(action="token.revoke", actor="offspec restore")
        assert logged.count() == 2
    database.close()
    assert offspec("audit", "--data", tmp_path / "ended").code == 0


def test_a_backup_under_load_is_whole(services: Services, tmp_path: Path) -> None:
    stop = threading.Event()

    def work(first: int) -> None:
        for number in range(first, first + 100_000):
            if stop.is_set():
                return
            keep(services, number)

    for number in range(50):
        keep(services, number)
    threads = [threading.Thread(target=work, args=(1000 * n,)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(3):
            out, place = tmp_path / f"{number}.tar", tmp_path / f"restored{number}"
            back_up(services.settings.data, out)
            found = restore(out, place)
            database, blobs = (
                Database(f"sqlite:///{place}/offspec.db"),
                BlobStore(f"{place}/images"),
            )
            with database.read() as db:
                images = db.query(Image).all()
                assert len(images) >= 50
                assert all(blobs.get(image.sha256) for image in images)
            database.close()
            assert found.events >= len(images)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        services.database.close()


def test_commands(services: Services, tmp_path: Path) -> None:
    keep(services, 1)
    services.database.close()
    data, out = services.settings.data, tmp_path / "b.tar"
    assert offspec("backup", "--data", data, "--out", out).code == 0
    assert offspec("restore", out, "--data", tmp_path / "new").code == 0
    assert offspec("audit", "--data", tmp_path / "new").code == 0
    assert offspec("restore", out, "--data", tmp_path / "new").code == 2  # not empty
    assert offspec("backup", "--data", tmp_path / "nothing", "--out", out).code == 2


def tar(path: Path, **members: bytes) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    outside = tar(tmp_path / "a.tar", **{"..__evil": b"x"})
    with pytest.raises(InputError, match="no part"):
        restore(outside, tmp_path / "1")
    assert not (tmp_path / "evil").exists()
    name = "images__00__00__" + "0" * 64
    with pytest.raises(InputError, match="damaged"):
        restore(tar(tmp_path / "b.tar", **{name: b"x"}), tmp_path / "2")
    (tmp_path / "c.tar").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="cannot be read"):
        restore(tmp_path / "c.tar", tmp_path / "3")
    with pytest.raises(InputError, match="no database"):
        restore(tar(tmp_path / "d.tar"), tmp_path / "4")
    with pytest.raises(OptionError, match="not empty"):
        restore(outside, tmp_path)
