"""Lists, views, tiles, sidecar files and removal of images; the project in numbers."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from offspec.annotations import Annotation, DefectShape, read_annotation, write_annotation
from offspec.browser_pictures import TILE_PX, browser_picture, level_sizes, pyramid
from offspec.images import decode_image, encode_png
from offspec.overlays import to_eight_bits
from offspec.server.pyramids import Pyramids
from offspec.types import ImageArray
from tests.server.conftest import Server
from tests.server.test_labelling import SIZE_WH, good, say, template, upload
from tests.synth import part_image

OUTLINE = ((10.25, 10.0), (20.0, 10.0), (20.0, 20.125))
BAD = Annotation("x", SIZE_WH, {"": "ng"}, (DefectShape("scratch", OUTLINE),))


def keep(client: TestClient, project: str, name: str, data: bytes) -> dict[str, Any]:
    found = client.post(
        f"/api/v1/projects/{project}/images", files=[("files", (name, io.BytesIO(data)))]
    ).json()[0]
    assert found["error"] is None, found
    image: dict[str, Any] = found["image"]
    return image


def tiff(image: ImageArray) -> bytes:
    """Uncompressed, one strip, RGB of 8 or 16 bit."""
    height, width = image.shape[:2]
    bits = image.dtype.itemsize * 8
    pixels = image.astype(image.dtype.newbyteorder("<")).tobytes()
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, 0), (259, 3, 1, 1)]
    tags += [(262, 3, 1, 2), (273, 4, 1, 0), (277, 3, 1, 3), (278, 4, 1, height)]
    tags += [(279, 4, 1, len(pixels))]
    after = 8 + 2 + 12 * len(tags) + 4
    places = {258: after, 273: after + 6}
    body = b"".join(struct.pack("<HHII", t, k, n, places.get(t, v)) for t, k, n, v in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    return head + body + struct.pack("<I3H", 0, bits, bits, bits) + pixels


def exif(orientation: int) -> bytes:
    return b"II*\0" + struct.pack("<IHHHII", 8, 1, 274, 3, 1, orientation) + b"\0\0\0\0"


def turned_png(image: ImageArray, orientation: int) -> bytes:
    data, body = encode_png(image), exif(orientation)
    chunk = struct.pack(">I", len(body)) + b"eXIf" + body
    chunk += struct.pack(">I", zlib.crc32(b"eXIf" + body))
    return data[:33] + chunk + data[33:]


def turned_jpeg(image: ImageArray, orientation: int) -> bytes:
    data = cv2.imencode(".jpg", np.ascontiguousarray(image[:, :, ::-1]))[1].tobytes()
    body = b"Exif\0\0" + exif(orientation)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def alpha_png(image: ImageArray) -> bytes:
    alpha = np.full((*image.shape[:2], 1), 128, np.uint8)
    return cv2.imencode(".png", np.concatenate([image[:, :, ::-1], alpha], 2))[1].tobytes()


VIEWS = {
    "png": (encode_png(part_image()), "image/png", True),
    "bmp": (cv2.imencode(".bmp", part_image())[1].tobytes(), "image/bmp", True),
    "jpeg": (turned_jpeg(part_image(), 1), "image/jpeg", True),
    "turned jpeg": (turned_jpeg(part_image(), 6), "image/jpeg", True),
    "16 bit png": (encode_png(part_image(bits=12)), "image/png", False),
    "tiff": (tiff(part_image()), "image/png", False),
    "16 bit tiff": (tiff(part_image(bits=16)), "image/png", False),
    "turned png": (turned_png(part_image(), 6), "image/png", False),
    "png with alpha": (alpha_png(part_image()), "image/png", False),
}


@pytest.mark.parametrize("kind", VIEWS)
def test_a_browser_gets_what_is_inspected(kind: str) -> None:
    data, media_type, same = VIEWS[kind]
    shown, found = browser_picture(data)
    assert found == media_type
    assert (shown == data) == same
    expected = to_eight_bits(decode_image(data))
    assert np.array_equal(decode_image(shown), expected)
    if media_type == "image/png":
        assert shown[24] == 8


def test_a_view_is_served_and_kept_by_the_browser(engineer: TestClient, project: str) -> None:
    data = VIEWS["16 bit tiff"][0]
    image = keep(engineer, project, "deep.tiff", data)
    found = engineer.get(f"/api/v1/projects/{project}/images/{image['id']}/view")
    assert found.headers["content-type"] == "image/png"
    assert "immutable" in found.headers["cache-control"]
    assert np.array_equal(decode_image(found.content), to_eight_bits(decode_image(data)))


def test_every_picture_is_kept_by_the_browser_in_the_same_way(
    engineer: TestClient, project: str
) -> None:
    image = keep(engineer, project, "x.png", encode_png(part_image()))
    path = f"/api/v1/projects/{project}/images/{image['id']}"
    for what in ("file", "view", "thumbnail", "tiles/0/0/0"):
        found = engineer.get(f"{path}/{what}")
        assert found.headers["cache-control"] == "private, max-age=31536000, immutable", what


def test_a_thumbnail_is_small(engineer: TestClient, project: str) -> None:
    image = keep(engineer, project, "x.png", encode_png(part_image(size_hw=(400, 800))))
    found = engineer.get(f"/api/v1/projects/{project}/images/{image['id']}/thumbnail")
    assert decode_image(found.content).shape == (128, 256, 3)


def test_levels_are_halves_rounded_up_and_exact_means() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1031, 1500, 3), np.uint8)
    levels = pyramid(image)
    sizes = [(one.shape[1], one.shape[0]) for one in levels]
    assert sizes == level_sizes((1500, 1031)) == [(1500, 1031), (750, 516), (375, 258)]
    even = image[:1030].astype(np.float64).reshape(515, 2, 750, 2, 3).mean(axis=(1, 3))
    assert np.abs(levels[1][:515].astype(np.float64) - even).max() <= 0.5
    last = image[1030].astype(np.float64).reshape(750, 2, 3).mean(axis=1)
    assert np.abs(levels[1][515].astype(np.float64) - last).max() <= 0.5


def test_tiles_put_together_are_the_downscaled_picture(engineer: TestClient, project: str) -> None:
    smooth = cv2.resize(part_image(size_hw=(103, 150)), (1200, 824))
    image = keep(engineer, project, "large.png", encode_png(np.asarray(smooth, np.uint8)))
    path = f"/api/v1/projects/{project}/images/{image['id']}/tiles"
    expected = pyramid(np.asarray(smooth, np.uint8))
    for level, whole in enumerate(expected):
        rows = []
        for y in range(-(-whole.shape[0] // TILE_PX)):
            cut = []
            for x in range(-(-whole.shape[1] // TILE_PX)):
                found = engineer.get(f"{path}/{level}/{x}/{y}")
                assert found.headers["content-type"] == "image/jpeg"
                cut.append(decode_image(found.content))
            rows.append(np.hstack(cut))
        seen = np.vstack(rows)
        assert seen.shape == whole.shape
        assert np.abs(seen.astype(float) - whole).mean() < 2.0
    for wrong in ("3/0/0", "0/3/0", "0/0/2", "-1/0/0", "0/-1/0"):
        assert engineer.get(f"{path}/{wrong}").status_code == 404, wrong
    assert engineer.get(f"{path}/a/0/0").status_code == 422


def test_the_cache_of_pyramids_is_bounded_and_decodes_once() -> None:
    data = encode_png(part_image())
    one = sum(level.nbytes for level in pyramid(to_eight_bits(part_image())))
    cache = Pyramids(most_bytes=3 * one)
    loads: list[str] = []

    def load(name: str) -> bytes:
        loads.append(name)
        return data

    for name in "abcabcdda":
        cache.get(name, lambda name=name: load(name))  # type: ignore[misc]
        assert cache.kept_bytes <= 3 * one
    assert "".join(loads) == "abcda"
    small = Pyramids(most_bytes=1)
    small.get("a", lambda: load("a"))
    small.get("b", lambda: load("b"))
    assert small.kept_bytes == one


def test_the_list_is_narrowed_by_label_name_and_decision(
    engineer: TestClient, project: str
) -> None:
    images = upload(engineer, project, *range(5))
    say(engineer, project, images[0], good())
    split = Annotation("x", SIZE_WH, {"": "ng"}, split="test")
    say(engineer, project, images[1], split)
    path = f"/api/v1/projects/{project}"
    asked = {"image_ids": [images[2]["id"]], "decision": "leave_out", "why": "blurred"}
    (left,) = engineer.put(f"{path}/decisions", json=asked).json()
    assert (left["decision"], left["decision_why"]) == ("leave_out", "blurred")

    def names(**query: Any) -> list[str]:
        found = engineer.get(f"{path}/images", params=query)
        assert found.status_code == 200, found.text
        return [one["name"] for one in found.json()["items"]]

    assert names() == [f"{i}.png" for i in range(5)]
    assert names(label="ok") == ["0.png"]
    assert names(label="ng") == ["1.png"]
    assert names(label="none") == ["2.png", "3.png", "4.png"]
    assert names(name="3.P") == ["3.png"]
    assert names(name="%") == names(name="_") == []
    assert names(decision="leave_out") == ["2.png"]
    assert names(label="none", decision="keep") == []
    first = engineer.get(f"{path}/images", params={"label": "none", "limit": 2}).json()
    rest = engineer.get(f"{path}/images", params={"label": "none", "after": first["next"]}).json()
    assert [o["name"] for o in rest["items"]] == ["4.png"]
    assert rest["next"] is None
    one = engineer.get(f"{path}/images/{images[1]['id']}").json()
    assert (one["label"], one["split"], one["revision"]) == ("ng", "test", 1)
    for wrong in ({"label": "x"}, {"name": "a\0b"}, {"decision": "x"}, {"limit": 0}):
        assert engineer.get(f"{path}/images", params=wrong).status_code == 422, wrong


def test_a_sidecar_file_is_byte_for_byte_what_the_library_writes(
    engineer: TestClient, project: str, tmp_path: Path
) -> None:
    image = keep(engineer, project, "Gehäuse 1.png", encode_png(part_image()))
    path = f"/api/v1/projects/{project}/images/{image['id']}/sidecar"
    assert engineer.get(path).status_code == 404
    assert say(engineer, project, image, BAD).status_code == 200
    found = engineer.get(path)
    assert found.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''Geh%C3%A4use%201.json"
    )
    (tmp_path / "got.json").write_bytes(found.content)
    said = read_annotation(tmp_path / "got.json")
    assert said.defects == BAD.defects
    write_annotation(tmp_path / "own.json", said)
    assert (tmp_path / "own.json").read_bytes() == found.content


def test_an_image_is_removed_unless_something_holds_it(
    server: Server, engineer: TestClient, admin: TestClient, project: str
) -> None:
    images = upload(engineer, project, *range(4))
    path = f"/api/v1/projects/{project}"
    for image in images[:2]:
        say(engineer, project, image, good())
    say(engineer, project, images[3], BAD)
    body = {"reference_id": images[2]["id"], "content": template(images[2])}
    assert engineer.put(f"{path}/template", json=body).status_code == 200
    assert engineer.delete(f"{path}/images/{images[0]['id']}").status_code == 204
    assert engineer.get(f"{path}/images/{images[0]['id']}").status_code == 404
    assert engineer.post(f"{path}/versions", json={}).status_code == 201
    for held, word in ((images[1], "dataset version"), (images[2], "template")):
        found = engineer.delete(f"{path}/images/{held['id']}")
        assert found.status_code == 409
        assert word in found.json()["detail"]
    (entry,) = admin.get("/api/v1/audit", params={"action": "image.delete"}).json()["items"]
    assert entry["old"]["sha256"] == images[0]["sha256"]
    assert entry["old"]["annotation"]["flags"]["defect_free"] is True
    again = upload(engineer, project, 0)[0]
    assert again["id"] != images[0]["id"]
    assert again["revision"] == 0


def test_bytes_go_with_the_last_image_that_names_them(
    server: Server, engineer: TestClient, project: str
) -> None:
    other = engineer.post("/api/v1/projects", json={"name": "other"}).json()["id"]
    (mine,), (theirs,) = upload(engineer, project, 0), upload(engineer, other, 0)
    blobs = server.services.blobs
    (path,) = (server.services.settings.data / "images").glob(f"??/??/{mine['sha256']}")
    os.utime(path, (1, 1))  # long ago
    assert engineer.delete(f"/api/v1/projects/{project}/images/{mine['id']}").status_code == 204
    assert blobs.has(mine["sha256"])
    assert engineer.delete(f"/api/v1/projects/{other}/images/{theirs['id']}").status_code == 204
    assert not blobs.has(mine["sha256"])
    (again,) = upload(engineer, project, 0)
    assert engineer.delete(f"/api/v1/projects/{project}/images/{again['id']}").status_code == 204
    assert blobs.has(mine["sha256"])  # it came a moment ago: somebody may be sending it again


def test_the_summary_counts(engineer: TestClient, project: str) -> None:
    path = f"/api/v1/projects/{project}"
    empty = engineer.get(f"{path}/summary").json()
    assert set(empty.values()) == {0, None}
    images = upload(engineer, project, *range(4))
    for image in images[:2]:
        say(engineer, project, image, good())
    say(engineer, project, images[2], BAD)
    engineer.put(
        f"{path}/decisions", json={"image_ids": [images[3]["id"]], "decision": "leave_out"}
    )
    version = engineer.post(f"{path}/versions", json={}).json()["id"]
    engineer.post(f"{path}/jobs", json={"kind": "check", "version_id": version})
    assert engineer.get(f"{path}/summary").json() == {
        "images": 4, "ok": 2, "ng": 1, "none": 1, "left_out": 1, "template_version": None,
        "versions": 1, "models": 0, "approved": None, "jobs_open": 1, "inspections": 0, "queue": 0,
    }  # fmt: skip


def test_the_problem_statement_is_checked_and_kept(
    engineer: TestClient, admin: TestClient, project: str
) -> None:
    path = f"/api/v1/projects/{project}"
    image = upload(engineer, project, 0)[0]
    stated = {
        "answers": {"task": "locate", "cost_miss": 80},
        "defects": [{"type": "scratch", "words": "longer than 2 mm", "ng": [image["id"]]}],
    }
    found = engineer.patch(path, json={"problem": stated})
    assert found.status_code == 200, found.text
    kept = engineer.get(path).json()["problem"]
    assert kept["answers"]["cost_miss"] == 80
    assert kept["defects"][0]["ng"] == [image["id"]]
    assert engineer.patch(path, json={"problem": kept}).json()["problem"] == kept
    assert len(admin.get("/api/v1/audit", params={"action": "problem.change"}).json()["items"]) == 1
    for wrong in (
        {"answers": {"cost_miss": -1}},
        {"answers": {"nonsense": 1}},
        {"format": 2},
        {"defects": [{"type": "a"}, {"type": "A "}]},
        {"defects": [{"type": "a", "ng": ["../x.png"]}]},
        {"defects": [{"type": "a", "ng": [image["id"]], "ok": [image["id"]]}]},
    ):
        refused = engineer.patch(path, json={"problem": wrong})
        assert refused.status_code == 400, wrong
        assert engineer.get(path).json()["problem"] == kept
