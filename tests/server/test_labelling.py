"""Annotations, templates and dataset versions over REST."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from offspec.annotations import Annotation, DefectShape, from_labelme, to_labelme
from offspec.images import encode_png
from offspec.template import Template, whole_image_template
from tests.server.conftest import Server
from tests.synth import SIZE_HW, part_image

SIZE_WH = (SIZE_HW[1], SIZE_HW[0])
OUTLINE = ((10.0, 10.0), (20.0, 10.0), (20.0, 20.0))


def upload(client: TestClient, project: str, *seeds: int) -> list[dict[str, Any]]:
    files = [("files", (f"{s}.png", io.BytesIO(encode_png(part_image(s))))) for s in seeds]
    found = client.post(f"/api/v1/projects/{project}/images", files=files)
    assert found.status_code == 201, found.text
    return [one["image"] for one in found.json()]


def say(
    client: TestClient, project: str, image: dict[str, Any], said: Annotation, revision: int = 0
) -> Any:
    return client.put(
        f"/api/v1/projects/{project}/images/{image['id']}/annotation",
        json={"revision": revision, "content": to_labelme(said)},
    )


def good(name: str = "x.png") -> Annotation:
    return Annotation(name, SIZE_WH, defect_free=True)


def test_an_annotation_comes_back_as_it_was_saved(engineer: TestClient, project: str) -> None:
    (image,) = upload(engineer, project, 0)
    path = f"/api/v1/projects/{project}/images/{image['id']}/annotation"
    assert engineer.get(path).json() == {"revision": 0, "content": None, "label": None}
    said = Annotation("0.png", SIZE_WH, {"cap": "ng"}, (DefectShape("scratch", OUTLINE),))
    assert say(engineer, project, image, said).json()["revision"] == 1
    found = engineer.get(path).json()
    assert from_labelme(found["content"]) == said
    assert found["label"] == "ng"
    counts = engineer.get(f"/api/v1/projects/{project}/labels").json()
    assert counts == {"ok": 0, "ng": 1, "none": 0}


def test_two_who_write_at_once_do_not_lose_a_change(engineer: TestClient, project: str) -> None:
    (image,) = upload(engineer, project, 0)
    assert say(engineer, project, image, good()).status_code == 200
    late = say(engineer, project, image, good())
    assert late.status_code == 409
    assert late.json()["code"] == "state"
    assert say(engineer, project, image, good(), 1).json()["revision"] == 2


def test_of_many_who_write_at_the_same_moment_one_wins(
    server: Server, engineer: TestClient, project: str
) -> None:
    (image,) = upload(engineer, project, 0)
    for revision in (0, 1):  # a new row, then one that is there
        with ThreadPoolExecutor(4) as pool:
            asked = [
                pool.submit(say, server.sign_in("eve"), project, image, good(), revision)
                for _ in range(4)
            ]
        codes = sorted(one.result().status_code for one in asked)
        assert codes == [200] + [409] * 3


@pytest.mark.parametrize(
    "content",
    [
        {"shapes": 3},
        {"imageWidth": 5, "imageHeight": 5, "shapes": [], "flags": {}},
        {"flags": {"defect_free": True}, "shapes": [{"label": "x", "points": [[0, 0], [5, 5]]}]},
    ],
)
def test_a_malformed_annotation_is_refused(
    engineer: TestClient, project: str, content: dict[str, Any]
) -> None:
    (image,) = upload(engineer, project, 0)
    path = f"/api/v1/projects/{project}/images/{image['id']}/annotation"
    found = engineer.put(path, json={"revision": 0, "content": content})
    assert found.status_code == 400
    assert engineer.get(path).json()["revision"] == 0


def template(image: dict[str, Any]) -> dict[str, Any]:
    drawn: Template = whole_image_template(
        SIZE_WH, reference_file=image["name"], reference_sha256=image["sha256"]
    )
    return drawn.to_dict()


def test_a_template_is_kept_in_versions(server: Server, engineer: TestClient, project: str) -> None:
    first, second = upload(engineer, project, 0, 1)
    path = f"/api/v1/projects/{project}/template"
    assert engineer.get(path).status_code == 404
    body = {"reference_id": first["id"], "content": template(first)}
    assert engineer.put(path, json=body).json()["version"] == 1
    assert engineer.put(path, json=body).json()["version"] == 1  # nothing new
    changed = {**body, "content": {**template(first), "name": "lid"}}
    assert engineer.put(path, json=changed).json()["version"] == 2
    assert engineer.get(path).json()["content"]["name"] == "lid"
    wrong = engineer.put(path, json={**body, "reference_id": second["id"]})
    assert wrong.status_code == 400
    operator = server.person("pia", "operator")
    assert operator.put(path, json=body).status_code in (403, 404)


def test_a_reference_that_nobody_judged_is_a_good_part_to_learn_from(
    engineer: TestClient, project: str
) -> None:
    first, second = upload(engineer, project, 0, 1)
    say(engineer, project, second, Annotation("x", SIZE_WH, {"": "ng"}))
    path = f"/api/v1/projects/{project}"
    for image in (first, second):
        body = {"reference_id": image["id"], "content": template(image)}
        assert engineer.put(f"{path}/template", json=body).status_code == 200
    for image, label in ((first, "ok"), (second, "ng")):  # what somebody said stays
        assert engineer.get(f"{path}/images/{image['id']}").json()["label"] == label
    version = engineer.post(f"{path}/versions", json={}).json()
    assert (version["normals"], version["test_good"], version["test_bad"]) == (1, 0, 1)


def against(client: TestClient, project: str, image: dict[str, Any], **query: str) -> Any:
    path = f"/api/v1/projects/{project}/images/{image['id']}/as-reference"
    found = client.get(path, params=query)
    assert found.status_code == 200, found.text
    return found.json()


def test_a_good_image_may_be_the_reference(engineer: TestClient, project: str) -> None:
    image, _ = upload(engineer, project, 0, 1)
    nothing = {"findings": [], "other_sizes": 0, "refused": 0}
    assert against(engineer, project, image) == nothing
    say(engineer, project, image, good())
    assert against(engineer, project, image) == nothing


def test_what_speaks_against_a_reference_is_said(engineer: TestClient, project: str) -> None:
    defect, judged, tested = upload(engineer, project, 0, 1, 2)
    outlined = Annotation("0.png", SIZE_WH, {}, (DefectShape("scratch", OUTLINE),))
    say(engineer, project, defect, outlined)
    say(engineer, project, judged, Annotation("1.png", SIZE_WH, {"": "ng"}))
    say(engineer, project, tested, Annotation("2.png", SIZE_WH, defect_free=True, split="test"))
    (one,) = against(engineer, project, defect)["findings"]
    assert (one["level"], one["topic"]) == ("must", "label")
    assert "has 1 outlined defect." in one["words"]
    (one,) = against(engineer, project, judged)["findings"]
    assert (one["level"], one["topic"]) == ("must", "label")
    assert "is judged NG" in one["words"]
    (one,) = against(engineer, project, tested)["findings"]
    assert (one["level"], one["topic"]) == ("look", "split")
    body = {"reference_id": defect["id"], "content": template(defect)}
    saved = engineer.put(f"/api/v1/projects/{project}/template", json=body)
    assert saved.status_code == 200  # who has read it may go on


def test_an_image_that_a_version_drew_for_the_test_is_told(
    engineer: TestClient, project: str
) -> None:
    images = upload(engineer, project, *range(10))
    for image in images:
        say(engineer, project, image, good(image["name"]))
    assert not any(against(engineer, project, one)["findings"] for one in images)
    version = engineer.post(f"/api/v1/projects/{project}/versions", json={}).json()
    files = f"/api/v1/projects/{project}/versions/{version['id']}/files"
    drawn = {one["sha256"] for one in engineer.get(files).json() if one["split"] == "test"}
    assert 0 < len(drawn) < 10
    for image in images:
        topics = [one["topic"] for one in against(engineer, project, image)["findings"]]
        assert topics == (["split"] if image["sha256"] in drawn else [])


def test_images_of_other_sizes_are_counted_and_listed(engineer: TestClient, project: str) -> None:
    first, *_ = upload(engineer, project, 0, 1)
    height, width = SIZE_HW
    for name, size_hw in (("large", (2 * height, 2 * width)), ("wide", (height, 2 * width))):
        data = io.BytesIO(encode_png(part_image(7, size_hw)))
        engineer.post(f"/api/v1/projects/{project}/images", files=[("files", (name, data))])
    found = {p: against(engineer, project, first, size_policy=p) for p in ("exact", "scale", "fit")}
    assert {p: (one["other_sizes"], one["refused"]) for p, one in found.items()} == {
        "exact": (2, 2), "scale": (2, 1), "fit": (2, 0),
    }  # fmt: skip
    words = {p: one["findings"][0]["words"] for p, one in found.items()}
    assert "2 images have another size" in words["exact"]
    assert "All are refused" in words["exact"]
    assert "1 is refused" in words["scale"]
    assert "1 is resampled" in words["scale"]
    assert "2 are resampled" in words["fit"]
    path = f"/api/v1/projects/{project}/images"
    listed = engineer.get(path, params={"not_size": f"{width}x{height}"}).json()["items"]
    assert sorted(one["name"] for one in listed) == ["large", "wide"]
    for wrong in ("x", "0x5", "5x", "5x5x5", "-1x5", "5 x 5"):
        assert engineer.get(path, params={"not_size": wrong}).status_code == 422, wrong


def test_a_version_is_frozen_and_equal_labels_make_no_second(
    engineer: TestClient, project: str
) -> None:
    path = f"/api/v1/projects/{project}/versions"
    assert engineer.post(path, json={}).status_code == 400  # nothing is labelled
    images = upload(engineer, project, *range(8))
    for image in images[:6]:
        assert say(engineer, project, image, good()).status_code == 200
    bad = Annotation("x", SIZE_WH, {}, (DefectShape("scratch", OUTLINE),))
    assert say(engineer, project, images[6], bad).status_code == 200
    first = engineer.post(path, json={"note": "first"}).json()
    assert (first["normals"], first["test_good"], first["test_bad"]) == (5, 1, 1)
    assert engineer.post(path, json={}).json()["id"] == first["id"]
    say(engineer, project, images[7], good())
    second = engineer.post(path, json={}).json()
    assert second["id"] != first["id"]
    assert [v["id"] for v in engineer.get(path).json()] == [second["id"], first["id"]]
    files = engineer.get(f"{path}/{first['id']}/files").json()
    assert len(files) == 7
    assert {f["split"] for f in files} == {"train", "test"}
