"""Pictures of an inspection: where the heat lies, in image and reference, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from offspec.errors import OptionError
from offspec.fitting import FitConfig, fit
from offspec.images import decode_image, encode_png, file_sha256, write_png
from offspec.inspection_pictures import LONGEST_PX, Kind, aligned, aligned_heat, draw, heat
from offspec.overlays import ByteArray
from offspec.regions import Region
from offspec.runtime import Inspector
from offspec.template import Template, write_template
from offspec.types import ImageArray
from tests.synth import SIZE_HW, part_image, write_part

SHIFT = (9.0, -6.0)
BLOT_XY = (SIZE_HW[1] * 0.7, SIZE_HW[0] * 0.3)


@pytest.fixture(scope="module")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Inspector:
    """Of a template of two regions, parts that lie where they like."""
    folder = tmp_path_factory.mktemp("pictures")
    for seed in range(8):
        write_part(folder / "data" / f"{seed}.png", part_image(seed, shift_xy=(seed % 3, 0.0)))
    write_png(folder / "reference.png", part_image(50))
    height, width = SIZE_HW
    template = Template(
        name="plate",
        reference_file="reference.png",
        reference_sha256=file_sha256(folder / "reference.png"),
        size_wh=(width, height),
        regions=(
            Region("left", "left", "rectangle", ((8, 8), (60, 88))),
            Region("right", "right", "rectangle", ((64, 8), (120, 88))),
        ),
    )
    write_template(folder / "template.json", template)
    config = FitConfig(kind="object", resolution="fast", align="shift")
    return Inspector(fit(folder / "data", template=folder / "template.json", config=config))


def middle(layer: ByteArray) -> tuple[float, float]:
    """Centre of what is most opaque, x and y."""
    rows, cols = np.nonzero(layer[:, :, 3] == layer[:, :, 3].max())
    return float(cols.mean()), float(rows.mean())


def moved() -> ImageArray:
    return part_image(70, defect="blot", shift_xy=SHIFT)


def test_heat_lies_on_the_defect_in_image_and_reference(inspector: Inspector) -> None:
    image = moved()
    inspection = inspector.inspect(image)
    assert inspection.verdict == "ng"
    here = heat(inspector, inspection, image.shape[:2])
    there = aligned_heat(inspector, inspection)
    assert here.shape == there.shape == (*SIZE_HW, 4)
    assert middle(here) == pytest.approx((BLOT_XY[0] + SHIFT[0], BLOT_XY[1] + SHIFT[1]), abs=3)
    assert middle(there) == pytest.approx(BLOT_XY, abs=3)


def test_a_good_part_has_a_calm_heat(inspector: Inspector) -> None:
    good = heat(inspector, inspector.inspect(part_image(71)), SIZE_HW)
    bad = heat(inspector, inspector.inspect(moved()), SIZE_HW)
    assert bad[:, :, 3].max() > 180
    assert good[:, :, 3].max() < 0.7 * bad[:, :, 3].max()
    assert good[:, :, 3].mean() < 15
    assert (good[:, :, :3][good[:, :, 3] == 0] == 0).all()


def test_an_aligned_image_lies_on_the_reference(inspector: Inspector) -> None:
    plain = part_image(72, shift_xy=SHIFT)
    laid = aligned(inspector, plain)
    reference = inspector.bundle.reference
    inside = np.s_[12:-12, 12:-12]
    apart = np.abs(laid[inside].astype(int) - reference[inside].astype(int)).mean()
    before = np.abs(plain[inside].astype(int) - reference[inside].astype(int)).mean()
    assert apart < 0.4 * before


def test_pictures_of_large_images_are_bounded_and_keep_small_peaks(
    inspector: Inspector,
) -> None:
    tall = np.zeros((3000, 5000), np.float32)
    level = np.median([t.high for t in inspector.bundle.manifest.pixel_thresholds.values()])
    tall[1000:1003, 2000:2003] = 20 * level
    found = replace(inspector.inspect(part_image(71)), anomaly_map=tall)
    layer = heat(inspector, found, tall.shape)
    assert max(layer.shape) == LONGEST_PX
    assert layer[:, :, 3].max() > 150
    assert middle(layer) == pytest.approx((2001 * 0.32, 1001 * 0.32), abs=1.5)


def test_drawn_bytes_by_kind(inspector: Inspector) -> None:
    image = part_image(73)
    magics: Mapping[Kind, bytes] = {
        "heat": b"\x89PNG", "aligned": b"\xff\xd8", "aligned_heat": b"\x89PNG",
    }  # fmt: skip
    before = image.copy()
    for kind, magic in magics.items():
        assert draw(inspector, image, kind).startswith(magic)
    np.testing.assert_array_equal(image, before)
    with pytest.raises(OptionError, match="aligned_heat"):
        draw(inspector, image, "secret")  # type: ignore[arg-type]


def test_what_cannot_be_judged_has_an_empty_heat(inspector: Inspector) -> None:
    black = np.zeros((*SIZE_HW, 3), np.uint8)
    inspection = inspector.inspect(black)
    assert inspection.verdict == "invalid"
    assert heat(inspector, inspection, SIZE_HW)[:, :, 3].max() == 0
    assert aligned_heat(inspector, inspection)[:, :, 3].max() == 0


def test_regions_are_measured_by_their_own_threshold(inspector: Inspector) -> None:
    manifest = inspector.bundle.manifest
    levels = {key: one.high for key, one in manifest.pixel_thresholds.items()}
    assert len(set(levels.values())) == 2
    flat = np.full(SIZE_HW, max(levels.values()), np.float32)
    layer = heat(inspector, replace(inspector.inspect(part_image(71)), anomaly_map=flat), SIZE_HW)
    left, right = int(layer[48, 30, 3]), int(layer[48, 90, 3])
    assert (left > right) == (levels["left"] < levels["right"])


def test_a_layer_with_opacity_survives_as_png() -> None:
    layer = np.zeros((4, 5, 4), np.uint8)
    layer[1, 2] = (200, 100, 50, 128)
    stored = np.frombuffer(encode_png(layer), np.uint8)
    assert stored[24] == 8
    assert stored[25] == 6  # colour and opacity
    assert decode_image(stored.tobytes()).shape == (4, 5, 3)
