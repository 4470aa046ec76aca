"""A dataset version as a zip, and back into another project."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Any

from fastapi.testclient import TestClient

from offspec.annotations import Annotation, DefectShape
from offspec.datasets import read_dataset
from offspec.jobs.worker import Worker
from offspec.template import read_template
from tests.server.conftest import Server
from tests.server.test_labelling import OUTLINE, SIZE_WH, good, say, template, upload

BAD = Annotation("x", SIZE_WH, {"": "ng"}, (DefectShape("scratch", OUTLINE),), part_id="P 7")


def prepared(client: TestClient, project: str) -> dict[str, str]:
    """Labelled images, a template and a version; returns the job that exports them."""
    images = upload(client, project, *range(6))
    for image in images[:5]:
        say(client, project, image, good())
    say(client, project, images[5], BAD)
    path = f"/api/v1/projects/{project}"
    body = {"reference_id": images[0]["id"], "content": template(images[0])}
    drawn = client.put(f"{path}/template", json=body).json()["id"]
    version = client.post(f"{path}/versions", json={}).json()["id"]
    job = {"kind": "export", "version_id": version, "template_id": drawn}
    found = client.post(f"{path}/jobs", json=job)
    assert found.status_code == 202, found.text
    made: dict[str, str] = found.json()
    return made


def exported(server: Server, client: TestClient, project: str, job: dict[str, str]) -> bytes:
    here = Worker(server.services.database, server.services.blobs, "here:1")
    assert here.run_one()
    found = client.get(f"/api/v1/projects/{project}/jobs/{job['id']}").json()
    assert (found["state"], found["error"]) == ("done", None)
    assert found["result"]["images"] == 6
    (sha256,) = found["result"]["files"].values()
    data = server.services.blobs.get(sha256)
    assert hashlib.sha256(data).hexdigest() == sha256
    return data


def contents(client: TestClient, project: str) -> dict[str, Any]:
    path = f"/api/v1/projects/{project}/images"
    listed = client.get(path).json()["items"]
    return {one["name"]: client.get(f"{path}/{one['id']}/annotation").json()["content"]
            for one in listed}  # fmt: skip


def test_an_exported_version_fits_the_library_and_comes_back_equal(
    server: Server, engineer: TestClient, project: str, tmp_path: Any
) -> None:
    data = exported(server, engineer, project, prepared(engineer, project))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    dataset = read_dataset(tmp_path / "dataset")
    assert (len(dataset.normals), len(dataset.test)) == (4, 2)
    drawn = read_template(tmp_path / "template/template.json")
    other = engineer.post("/api/v1/projects", json={"name": "other"}).json()["id"]
    path = f"/api/v1/projects/{other}"
    for known in (False, True):  # the second time changes nothing
        found = engineer.post(f"{path}/images", files=[("files", ("x.zip", io.BytesIO(data)))])
        results = found.json()
        assert [one["error"] for one in results] == [None] * 14
        fresh = [one for one in results if one["name"] != "reference.png"]
        assert {one["known"] for one in fresh} == {known}
    before, after = contents(engineer, project), contents(engineer, other)
    assert before.keys() == after.keys()
    for name, said in before.items():
        assert after[name]["split"] in ("train", "test")
        assert {**after[name], "split": None} == {**said, "split": None}
    back = engineer.get(f"{path}/template").json()["content"]
    assert back == engineer.get(f"/api/v1/projects/{project}/template").json()["content"]
    assert back["regions"] == drawn.to_dict()["regions"]
    version = engineer.post(f"{path}/versions", json={}).json()
    assert (version["normals"], version["test_good"], version["test_bad"]) == (4, 1, 1)


def test_equal_versions_give_equal_bytes(
    server: Server, engineer: TestClient, project: str
) -> None:
    job = prepared(engineer, project)
    first = exported(server, engineer, project, job)
    params = {"version_id": job["params"]["version_id"]}  # type: ignore[index]
    body = {"kind": "export", "template_id": job["params"]["template_id"], **params}  # type: ignore[index]
    again = engineer.post(f"/api/v1/projects/{project}/jobs", json=body).json()
    assert exported(server, engineer, project, again) == first
