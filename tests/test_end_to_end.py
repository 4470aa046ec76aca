"""From a folder of photographs to verdicts, through the commands alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from offspec.annotations import polygon_mask, read_annotation
from offspec.bundle import read_bundle
from offspec.datasets import read_dataset
from offspec.images import read_image
from offspec.shapes import shape_mask
from tests.synth import defect_mask, part_image, write_part, write_sidecars
from tests.trained import names, offspec, write_normals

SIZE = (96, 128)
QUICK = ("--kind", "object", "--resolution", "fast", "--align", "none")
INSPECT_KEYS = {"image", "verdict", "deviation_score", "alignment", "regions", "timing_ms"}
REGION_KEYS = {"id", "name", "verdict", "deviation_score", "raw_score", "defects"}
DEFECT_KEYS = {"polygon", "area_px", "deviation_score"}


@dataclass(frozen=True)
class Product:
    """A dataset of annotated images with a template of two regions, and its model."""

    dataset: Path
    template: Path
    bundle: Path
    fitted: dict[str, object]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Product:
    root = tmp_path_factory.mktemp("product")
    data = write_sidecars(
        root / "data", normals=7, test_good=3, flaws=("blot", "missing"), unlabelled=1,
        size_hw=SIZE,
    )  # fmt: skip
    made = offspec(
        "template", "new", data / "ok_000.png", "--out", data / "template.json", "--mode", "pixel",
        "--rect", "8,24,48,48", "--name", "disc", "--polygon", "60,4,124,4,124,66,60,66",
        "--name", "bars", "--align", "none", "--kind", "object",
    )  # fmt: skip
    assert made.code == 0, made.stderr
    out = root / "part.offspec"
    run = offspec(
        "fit", data, "--template", data / "template.json", "--out", out,
        "--false-alarm-rate", "0.15", "--json", "-",
    )  # fmt: skip
    assert run.code == 0, run.stderr
    return Product(data, data / "template.json", out, json.loads(run.stdout))


def test_fit_says_what_it_learned(product: Product) -> None:
    manifest = read_bundle(product.bundle).manifest
    assert [r.name for r in manifest.template.regions] == ["disc", "bars"]
    assert manifest.template.mode == "pixel"
    assert manifest.dataset["layout"] == "sidecar"
    assert manifest.dataset["unlabelled"] == 1
    assert manifest.dataset["fingerprint"] == read_dataset(product.dataset).fingerprint()
    threshold = product.fitted["threshold"]
    assert isinstance(threshold, dict)
    assert (threshold["n"], threshold["status"]) == (6, "certified")
    regions = product.fitted["regions"]
    assert isinstance(regions, list)
    assert [r["name"] for r in regions] == ["disc", "bars"]


def test_evaluate_separates_good_from_bad(product: Product, tmp_path: Path) -> None:
    run = offspec("evaluate", product.bundle, product.dataset, "--report", tmp_path / "r.html",
                  "--json", tmp_path / "r.json")  # fmt: skip
    assert run.code == 0, run.stderr
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["image_auroc"] == 1.0
    assert result["detection_rate"]["value"] == 1.0
    assert result["detection_rate"]["n"] == 2
    assert result["false_stop_rate"]["n"] == 3
    assert result["pixel_auroc"] > 0.95
    assert result["aupro_30"] > 0.7
    assert result["promised_false_alarm_rate"] == 0.15
    assert result["threshold_status"] == "certified"
    assert 0 < result["guarantee_upper"] < 1
    assert result["invalid"] == {"normal": 0, "defect": 0}
    assert result["latency_ms"]["p95"] >= result["latency_ms"]["p50"] > 0
    page = (tmp_path / "r.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "certified" in page


def test_inspect_gives_every_key(product: Product) -> None:
    images = [product.dataset / f"{n}.png" for n in ("ng_blot", "ng_missing", "ok_008")]
    run = offspec("inspect", product.bundle, *images, "--json", "-")
    assert run.code == 0, run.stderr
    blot, missing, good = json.loads(run.stdout)
    for result, path in zip((blot, missing, good), images, strict=True):
        assert result["image"] == str(path)
        assert result.keys() >= INSPECT_KEYS
        assert all(region.keys() >= REGION_KEYS for region in result["regions"])
        assert {"method", "shift_xy", "rotation_deg", "scale", "score"} <= set(result["alignment"])
        assert result["timing_ms"]["total"] > 0
    assert [r["verdict"] for r in blot["regions"]] == ["ok", "ng"]
    assert [r["verdict"] for r in missing["regions"]] == ["ng", "ok"]
    assert good["verdict"] == "ok"
    assert good["deviation_score"] < 0.5 < blot["deviation_score"]
    for result in (blot, missing):
        scores = [r["deviation_score"] for r in result["regions"]]
        assert result["deviation_score"] == max(scores)
    (region,) = [r for r in blot["regions"] if r["verdict"] == "ng"]
    for defect in region["defects"]:
        assert defect.keys() >= DEFECT_KEYS
        assert 0 < defect["deviation_score"] <= 1
        assert defect["area_px"] > 0
    drawn = polygon_mask(
        [tuple((x, y) for x, y in d["polygon"]) for d in region["defects"]], SIZE
    )  # fmt: skip
    assert drawn[defect_mask(SIZE, "blot")].mean() > 0.8


def test_annotations_of_an_inspection_are_a_dataset_again(product: Product, tmp_path: Path) -> None:
    images = [product.dataset / f"{n}.png" for n in ("ng_blot", "ok_008")]
    run = offspec("inspect", product.bundle, *images, "--annotations", tmp_path / "a",
                  "--masks", tmp_path / "m", "--json", "-")  # fmt: skip
    assert run.code == 0, run.stderr
    bad = read_annotation(tmp_path / "a/ng_blot.json")
    good = read_annotation(tmp_path / "a/ok_008.json")
    assert (bad.label, good.label) == ("ng", "ok")
    region = json.loads(run.stdout)[0]["regions"][1]
    assert [d.region_id for d in bad.defects] == [region["id"]] * len(region["defects"])
    assert bad.verdicts == {region["id"]: "ng", json.loads(run.stdout)[0]["regions"][0]["id"]: "ok"}
    mask = read_image(tmp_path / "m/ng_blot.png")[..., 0] > 0
    outlined = np.zeros(SIZE, np.bool_)
    for defect, told in zip(bad.defects, region["defects"], strict=True):
        assert np.allclose(defect.points_xy, told["polygon"], atol=0.01)
        outlined |= shape_mask("polygon", defect.points_xy, SIZE)
    assert (mask & outlined).sum() >= 0.98 * (mask | outlined).sum()
    for image in images:
        shutil.copyfile(image, tmp_path / "a" / image.name)
    labels = {r.key: r.label for r in read_dataset(tmp_path / "a").records}
    assert labels == {"ng_blot.png": "ng", "ok_008.png": "ok"}


def test_an_annotation_read_again_is_the_mask_that_was_drawn(
    product: Product, tmp_path: Path
) -> None:
    run = offspec("inspect", product.bundle, product.dataset / "ng_missing.png",
                  "--annotations", tmp_path / "a", "--masks", tmp_path / "m")  # fmt: skip
    assert run.code == 0, run.stderr
    mask = read_image(tmp_path / "m/ng_missing.png")[..., 0] > 0
    defects = read_annotation(tmp_path / "a/ng_missing.json").defects
    again = polygon_mask([d.points_xy for d in defects], SIZE)
    np.testing.assert_allclose(
        np.argwhere(again).mean(axis=0), np.argwhere(mask).mean(axis=0), atol=0.1
    )


def test_overlays_maps_and_masks_have_the_size_of_the_image(
    product: Product, tmp_path: Path
) -> None:
    run = offspec("inspect", product.bundle, product.dataset / "ng_blot.png",
                  "--overlays", tmp_path / "o", "--maps", tmp_path / "maps",
                  "--masks", tmp_path / "m")  # fmt: skip
    assert run.code == 0, run.stderr
    values = np.load(tmp_path / "maps/ng_blot.npy", allow_pickle=False)
    assert (values.shape, values.dtype) == (SIZE, np.float32)
    assert values.min() >= 0
    assert not values[80:].any()  # below both regions
    inside = defect_mask(SIZE, "blot")
    assert values[inside].mean() > 10 * np.median(values[4:66, 60:124])
    assert read_image(tmp_path / "m/ng_blot.png").shape[:2] == SIZE
    assert min(read_image(tmp_path / "o/ng_blot.png").shape[:2]) >= 96


def test_calibrate_then_override_then_inspect(product: Product, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    for seed in range(8):
        write_part(fresh / f"{seed}.png", part_image(500 + seed, SIZE))
    out = tmp_path / "new.offspec"
    run = offspec("calibrate", product.bundle, "--normal", fresh, "--false-alarm-rate", "0.2",
                  "--out", out, "--json", "-")  # fmt: skip
    assert run.code == 0, run.stderr
    threshold = json.loads(run.stdout)["threshold"]
    assert (threshold["n"], threshold["status"]) == (8, "certified")
    region = read_bundle(out).manifest.template.regions[1].id
    run = offspec("calibrate", out, "--threshold-raw", "1e7", "--region", region, "--who", "Ada",
                  "--why", "bars are trimmed later", "--out", out, "--json", "-")  # fmt: skip
    assert run.code == 0, run.stderr
    threshold = json.loads(run.stdout)["threshold"]
    assert (threshold["status"], threshold["guarantee_upper"]) == ("manual", None)
    assert [e["event"] for e in read_bundle(out).manifest.history] == ["calibrate", "override"]
    kept = read_bundle(out).manifest.calibration.overrides[region]
    assert (kept.raw, kept.who, kept.why) == (1e7, "Ada", "bars are trimmed later")
    run = offspec("inspect", out, product.dataset / "ng_blot.png",
                  product.dataset / "ng_missing.png", "--json", "-")  # fmt: skip
    assert [r["verdict"] for r in json.loads(run.stdout)] == ["ok", "ng"]


def test_one_reference_is_enough_to_start(tmp_path: Path) -> None:
    write_normals(tmp_path / "one", 1, size_hw=SIZE)
    run = offspec("fit", tmp_path / "one", "--out", tmp_path / "p.offspec", *QUICK, "--json", "-")
    assert run.code == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["threshold"]["status"] == "provisional"
    assert result["threshold"]["guarantee_upper"] is None
    assert "%" not in result["threshold"]["words"]
    assert any("provisional" in note for note in result["notes"])
    write_part(tmp_path / "bad.png", part_image(0, SIZE, defect="missing"))
    run = offspec("inspect", tmp_path / "p.offspec", tmp_path / "bad.png", "--json", "-")
    assert json.loads(run.stdout)[0]["verdict"] == "review"


def test_grey_and_deep_photographs_and_names_of_any_script(tmp_path: Path) -> None:
    for seed in range(6):
        grey = part_image(seed, SIZE, bits=16)[..., 1]
        target = tmp_path / "teile" / f"Gehäuse {seed} 部品.tif"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(cv2.imencode(".tif", grey)[1].tobytes())
    bad = tmp_path / "schlecht ñ.tif"
    grey = part_image(9, SIZE, defect="missing", bits=16)[..., 1]
    bad.write_bytes(cv2.imencode(".tif", grey)[1].tobytes())
    out = tmp_path / "größe.offspec"
    run = offspec("fit", tmp_path / "teile", "--out", out, *QUICK)
    assert run.code == 0, run.stderr
    run = offspec("inspect", out, bad, "--masks", tmp_path / "m", "--json", "-")
    assert run.code == 0, run.stderr
    assert json.loads(run.stdout)[0]["verdict"] == "ng"
    assert names(tmp_path / "m") == ["schlecht ñ.png"]


def test_export_and_inspect_agree_on_the_files_they_write(product: Product, tmp_path: Path) -> None:
    run = offspec("export", product.bundle, "--out", tmp_path / "plain")
    assert run.code == 0, run.stderr
    assert {"params.json"} <= set(names(tmp_path / "plain"))
    assert any(name.endswith(".onnx") for name in names(tmp_path / "plain"))
