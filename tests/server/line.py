"""A project with labelled images, a frozen version and a model, as tests of later steps need it.

The model is fitted for the first test that asks and entered as it is for the others.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi.testclient import TestClient
from sqlalchemy import select

from offspec.annotations import Annotation, DefectShape, mask_polygons, to_labelme
from offspec.images import encode_png
from offspec.jobs.worker import Worker
from offspec.json_files import json_bytes
from offspec.store import job_queue, registry
from offspec.store.models import JobRow, Member, Role, User
from offspec.types import ImageArray, Split
from tests.synth import SIZE_HW, Flaw, defect_mask, part_image

if TYPE_CHECKING:
    from tests.server.conftest import Server

FAST = {"data": {"kind": "object", "resolution": "fast", "align": "none"}}
TRAIN, TEST_GOOD, BLOTS, SCRATCHES = range(14), range(100, 110), range(200, 205), range(300, 303)
_FITTED: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True)
class Line:
    """One project.

    Attributes:
        images: Name to id.
    """

    server: Server
    client: TestClient
    project: str
    version: str
    model: str
    images: dict[str, str]

    @property
    def path(self) -> str:
        """Of the project."""
        return f"/api/v1/projects/{self.project}"

    def job(self, kind: str, *, client: TestClient | None = None, **body: Any) -> dict[str, Any]:
        """Submit, work, and return how it ended."""
        found = (client or self.client).post(f"{self.path}/jobs", json={"kind": kind, **body})
        assert found.status_code == 202, found.text
        assert worker(self.server).run_one()
        ended: dict[str, Any] = self.client.get(f"{self.path}/jobs/{found.json()['id']}").json()
        return ended

    def done(self, kind: str, **body: Any) -> dict[str, Any]:
        """The same, of a job that ends well."""
        ended = self.job(kind, **body)
        assert ended["state"] == "done", ended["error"]
        return ended

    def log(self, job: dict[str, Any]) -> list[str]:
        """What it said."""
        found = self.client.get(f"{self.path}/jobs/{job['id']}/log").json()
        return [line["text"] for line in found["lines"]]

    def person(self, name: str, role: Role) -> TestClient:
        """Somebody who may see the project, signed in."""
        client = self.server.person(name, role)
        with self.server.services.database.write() as db:
            user = db.scalars(select(User).where(User.name == name)).one()
            db.add(Member(project_id=self.project, user_id=user.id))
        return client

    def hand_set(self, t_review: float, t_ng: float, **more: Any) -> str:
        """A model with other decision points; its id."""
        body = {"t_review": t_review, "t_ng": t_ng, "why": "looked at both", **more}
        found = self.client.post(f"{self.path}/models/{self.model}/thresholds", json=body)
        assert found.status_code == 201, found.text
        return str(found.json()["id"])

    def approve(self, model: str | None = None) -> None:
        """Take a model into use."""
        found = self.client.post(f"{self.path}/models/{model or self.model}/approve")
        assert found.status_code == 200, found.text

    def send(self, image: ImageArray, **query: str) -> dict[str, Any]:
        """Have a picture inspected."""
        found = self.client.post(
            f"{self.path}/inspect",
            content=encode_png(image),
            params=query,
            headers={"content-type": "application/octet-stream"},
        )
        assert found.status_code == 201, found.text
        inspection: dict[str, Any] = found.json()
        return inspection

    def file(self, job: dict[str, Any], name: str) -> Any:
        """A file that it made."""
        found = self.client.get(f"{self.path}/jobs/{job['id']}/files/{name}")
        assert found.status_code == 200, found.text
        return found


def worker(server: Server) -> Worker:
    """One that works when it is told to."""
    return Worker(server.services.database, server.services.blobs, "here:1")


def make_line(server: Server, client: TestClient, project: str) -> Line:
    """Upload, label, freeze, and have a model."""
    images = _uploaded(client, project)
    found = client.post(f"/api/v1/projects/{project}/versions", json={})
    assert found.status_code == 201, found.text
    version = str(found.json()["id"])
    model = have_model(server, client, project, version, "line")
    return Line(server, client, project, version, model, images)


def _good(split: Split) -> Annotation:
    return Annotation("x.png", (SIZE_HW[1], SIZE_HW[0]), defect_free=True, split=split)


def _bad(flaw: Flaw) -> Annotation:
    outlines = mask_polygons(defect_mask(SIZE_HW, flaw))
    shapes = tuple(DefectShape(flaw, points) for points in outlines)
    return Annotation("x.png", (SIZE_HW[1], SIZE_HW[0]), {}, shapes, split="test")


@cache
def _files() -> tuple[tuple[str, bytes], ...]:
    """Images with their sidecars: name and bytes."""
    shown = [(f"train{seed}", part_image(seed), _good("train")) for seed in TRAIN]
    shown += [(f"good{seed}", part_image(seed), _good("test")) for seed in TEST_GOOD]
    flaws: list[tuple[Flaw, range]] = [("blot", BLOTS), ("scratch", SCRATCHES)]
    for flaw, seeds in flaws:
        shown += [(f"{flaw}{s}", part_image(s, defect=flaw), _bad(flaw)) for s in seeds]
    files = []
    for name, image, said in shown:
        named = replace(said, image_name=f"{name}.png")
        files.append((f"{name}.png", encode_png(image)))
        files.append((f"{name}.json", json_bytes(to_labelme(named))))
    return tuple(files)


def _uploaded(client: TestClient, project: str) -> dict[str, str]:
    """Everything in one request."""
    files = [("files", (name, io.BytesIO(data))) for name, data in _files()]
    found = client.post(f"/api/v1/projects/{project}/images", files=files)
    assert found.status_code == 201, found.text
    assert not [one for one in found.json() if one["error"]]
    rows = [one["image"] for one in found.json() if one["kind"] == "image"]
    return {row["name"].removesuffix(".png"): row["id"] for row in rows}


def have_model(server: Server, client: TestClient, project: str, version: str, name: str) -> str:
    """The id of a model of a version; of one name every version has to have the same images."""
    body = {"kind": "fit", "version_id": version, "settings": FAST}
    found = client.post(f"/api/v1/projects/{project}/jobs", json=body)
    assert found.status_code == 202, found.text
    path = f"/api/v1/projects/{project}/jobs/{found.json()['id']}"
    if name not in _FITTED:
        assert worker(server).run_one()
        ended = client.get(path).json()
        assert ended["state"] == "done", ended["error"]
        model = client.get(f"/api/v1/projects/{project}/models").json()[0]
        data = client.get(f"/api/v1/projects/{project}/models/{model['id']}/bundle").content
        _FITTED[name] = {"data": data, "summary": model["summary"]}
        return str(model["id"])
    fitted = _FITTED[name]
    sha256 = server.services.blobs.put(fitted["data"])
    with server.services.database.write() as db:
        job = job_queue.claim(db, "here:1")
        assert job is not None
        job_queue.finish(db, job.id, "here:1", "done", result={"bundle_sha256": sha256})
        return registry.add_model(db, db.get_one(JobRow, job.id), sha256, fitted["summary"]).id
