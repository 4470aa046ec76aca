"""Help while drawing, over REST."""

from __future__ import annotations

import base64
import io
from typing import Any

import cv2
import numpy as np
from fastapi.testclient import TestClient

from offspec.annotations import polygon_mask
from offspec.images import decode_image, encode_png
from offspec.template import split_template, whole_image_template
from offspec.types import ImageArray
from tests.server.conftest import Server
from tests.server.test_inspect import machine
from tests.server.test_jobs import version
from tests.synth import SIZE_HW, defect_mask, part_image

__all__ = ["machine", "version"]  # fixtures
LARGE_HW = (384, 512)


def keep(client: TestClient, project: str, image: ImageArray, name: str = "x.png") -> str:
    files = [("files", (name, io.BytesIO(encode_png(image))))]
    found = client.post(f"/api/v1/projects/{project}/images", files=files).json()[0]
    return str(found["image"]["id"])


def ask(client: TestClient, project: str, image: str, **body: Any) -> Any:
    return client.post(f"/api/v1/projects/{project}/images/{image}/outline", json=body)


def overlap(outlines: list[Any], truth: Any) -> float:
    mask = polygon_mask([tuple(map(tuple, one)) for one in outlines], truth.shape)
    return float((mask & truth).sum() / (mask | truth).sum())


def test_a_blot_is_outlined_by_click_and_by_stroke(engineer: TestClient, project: str) -> None:
    image = keep(engineer, project, part_image(1, LARGE_HW, defect="blot", bits=12))
    truth = defect_mask(LARGE_HW, "blot")
    y, x = (float(v.mean()) for v in np.nonzero(truth))
    clicked = ask(engineer, project, image, points=[[x, y]], mode="click")
    assert clicked.status_code == 200, clicked.text
    assert overlap(clicked.json()["outlines"], truth) > 0.9
    way = [[x - 8, y], [x + 8, y]]
    stroke = ask(engineer, project, image, points=way, mode="stroke", size_px=60).json()
    assert overlap(stroke["outlines"], truth) > 0.8


def test_a_models_outline_is_taken(engineer: TestClient, machine: TestClient, project: str) -> None:
    image = keep(engineer, project, part_image(50, defect="blot"))
    truth = defect_mask(SIZE_HW, "blot")
    y, x = (float(v.mean()) for v in np.nonzero(truth))
    found = ask(engineer, project, image, points=[[x, y]], mode="model").json()
    (drawn,) = found["outlines"]
    assert polygon_mask([drawn], SIZE_HW)[int(y), int(x)]
    (model,) = engineer.get(f"/api/v1/projects/{project}/models").json()
    same = ask(engineer, project, image, points=[[x, y]], mode="model", model_id=model["id"])
    assert same.json() == found
    far = ask(engineer, project, image, points=[[2, 90]], mode="model", size_px=3).json()
    assert far == {"outlines": []}
    other = ask(engineer, project, image, points=[[x, y]], mode="model", model_id="A" * 22)
    assert other.status_code == 404


def test_malformed_points_are_refused(engineer: TestClient, project: str) -> None:
    image = keep(engineer, project, part_image())
    bodies: list[dict[str, Any]] = [
        {"points": [], "mode": "click"},
        {"points": [[1]], "mode": "click"},
        {"points": [[1, 2, 3]], "mode": "click"},
        {"points": [[1, "x"]], "mode": "click"},
        {"points": [[1e9, 0]], "mode": "click"},
        {"points": [[1, 2]], "mode": "magic"},
        {"points": [[1, 2]], "mode": "stroke", "size_px": 0},
        {"points": [[1, 2]], "mode": "stroke", "size_px": 1e9},
        {"points": [[1, 2]] * 2001, "mode": "stroke"},
    ]
    for body in bodies:
        assert ask(engineer, project, image, **body).status_code == 422, body


def test_far_points_and_wide_brushes_are_no_fault(engineer: TestClient, project: str) -> None:
    image = keep(engineer, project, part_image())
    for mode in ("click", "stroke"):
        far = ask(engineer, project, image, points=[[-1e6, 1e6]], mode=mode)
        assert far.json() == {"outlines": []}
        wide = ask(engineer, project, image, points=[[5, 5], [60, 60]], mode=mode, size_px=1e5)
        assert wide.status_code == 200
    assert ask(engineer, project, image, points=[[5, 5]], mode="model").status_code == 409


def aligned(client: TestClient, project: str, image: str, reference: str, **template: Any) -> Any:
    drawn = {**whole_image_template((512, 384)).to_dict(), **template}
    body = {"image_id": image, "reference_id": reference, "template": drawn}
    return client.post(f"/api/v1/projects/{project}/alignment", json=body)


def test_an_image_is_laid_over_the_reference(engineer: TestClient, project: str) -> None:
    reference = keep(engineer, project, part_image(0, LARGE_HW))
    moved = keep(engineer, project, part_image(1, LARGE_HW, shift_xy=(9.0, -5.0)))
    found = aligned(engineer, project, moved, reference).json()
    assert (found["outcome"], found["valid"], found["reason"]) == ("moved", True, None)
    assert found["score"] > 0.9
    assert np.allclose(found["shift_xy"], [9.0, -5.0], atol=0.3)
    assert np.allclose(found["matrix"], [[1, 0, 9], [0, 1, -5], [0, 0, 1]], atol=0.3)
    head, _, data = found["picture"].partition(",")
    assert head == "data:image/jpeg;base64"
    seen = decode_image(base64.b64decode(data))
    assert seen.shape == (*LARGE_HW, 3)
    apart = np.abs(seen.astype(float) - part_image(0, LARGE_HW))[20:-20, 20:-20]
    assert apart.mean() < 4.0


def test_what_the_gate_would_refuse_says_why(engineer: TestClient, project: str) -> None:
    reference = keep(engineer, project, part_image(0, LARGE_HW))
    moved = keep(engineer, project, part_image(1, LARGE_HW, shift_xy=(30.0, 0.0)))
    strict = {"mode": "shift", "max_shift_px": 10.0}
    found = aligned(engineer, project, moved, reference, alignment=strict).json()
    assert (found["outcome"], found["valid"]) == ("refused", False)
    assert "30" in found["reason"]
    assert found["picture"] is not None
    small = keep(engineer, project, part_image(1, SIZE_HW))
    found = aligned(engineer, project, small, reference).json()
    assert not found["valid"]
    assert found["matrix"] is found["picture"] is None
    wrong = aligned(engineer, project, moved, small)
    assert wrong.status_code == 400
    assert aligned(engineer, project, moved, reference, regions=[]).status_code == 400
    assert aligned(engineer, project, "A" * 22, reference).status_code == 404


def test_what_lies_there_already_is_told_from_what_has_no_structure(
    engineer: TestClient, project: str
) -> None:
    reference = keep(engineer, project, part_image(0, LARGE_HW))
    same = aligned(engineer, project, reference, reference).json()
    assert (same["outcome"], same["score"]) == ("in_place", 1.0)
    off = aligned(engineer, project, reference, reference, alignment={"mode": "none"}).json()
    assert off["outcome"] == "off"
    surfaces = [keep(engineer, project, surface(seed)) for seed in (1, 2)]
    for mode in ("auto", "similarity"):
        found = aligned(engineer, project, *surfaces, alignment={"mode": mode}).json()
        assert (found["outcome"], found["valid"]) == ("unsure", True), mode
        assert found["score"] < 0.3


def surface(seed: int) -> ImageArray:
    """Grain without a fixed place."""
    grain = np.random.default_rng(seed).normal(128, 60, LARGE_HW)
    grey = np.clip(cv2.GaussianBlur(grain, (0, 0), 2.0), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def test_a_large_picture_is_made_smaller(engineer: TestClient, project: str) -> None:
    large = keep(engineer, project, part_image(0, (900, 1800)))
    drawn = whole_image_template((1800, 900)).to_dict()
    body = {"image_id": large, "reference_id": large, "template": drawn}
    found = engineer.post(f"/api/v1/projects/{project}/alignment", json=body).json()
    seen = decode_image(base64.b64decode(found["picture"].partition(",")[2]))
    assert seen.shape == (800, 1600, 3)


def test_a_region_is_split_as_on_the_command_line(engineer: TestClient, project: str) -> None:
    drawn = whole_image_template((3000, 2000), smallest_defect_px=6.0, resolution="fast")
    path = f"/api/v1/projects/{project}/split"
    body = {"template": drawn.to_dict(), "region_id": "image"}
    found = engineer.post(path, json=body).json()
    assert found == split_template(drawn, "image").to_dict()
    assert len(found["regions"]) > 1
    assert engineer.post(path, json={**body, "region_id": "no"}).status_code == 400


def test_who_is_no_member_gets_no_help(server: Server, engineer: TestClient, project: str) -> None:
    image = keep(engineer, project, part_image())
    stranger = server.person("otto", "engineer")
    assert ask(stranger, project, image, points=[[5, 5]], mode="click").status_code == 404
    assert aligned(stranger, project, image, image).status_code == 404
