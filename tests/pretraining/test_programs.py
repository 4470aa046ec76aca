"""The procedural programs and the pool of canvases made from them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pretraining needs the torch extra")

from pretraining.canvases import Index, draw, load_pool, plan, render
from pretraining.contact_sheet import contact_sheet
from pretraining.programs import PROGRAMS
from pretraining.programs.colour import DULLEST
from pretraining.programs.sheet import Sheet

SIDE = 96
TEXTURES = [name for name, program in PROGRAMS.items() if program.kind == "texture"]


def image_of(name: str, seed: int, side: int = SIDE) -> Any:
    rng = np.random.default_rng(seed)
    return PROGRAMS[name].draw(rng, side, torch.device("cpu"))


def test_the_collection_is_wide_and_holds_two_of_each_family_out() -> None:
    trained = [program for program in PROGRAMS.values() if not program.held_out]
    assert len(trained) >= 40
    for family in {program.family for program in PROGRAMS.values()}:
        held = [p.name for p in PROGRAMS.values() if p.family == family and p.held_out]
        assert len(held) == 2, (family, held)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_a_picture_that_its_seed_alone_decides(name: str) -> None:
    image = image_of(name, 3)
    assert image.shape == (3, SIDE, SIDE)
    assert image.dtype == torch.float32
    assert bool(torch.isfinite(image).all())
    assert float(image.min()) >= 0
    assert float(image.max()) <= 1
    assert float(image.std(dim=(1, 2)).mean()) > 0.6 * DULLEST
    assert torch.equal(image, image_of(name, 3))
    assert float((image - image_of(name, 4)).abs().mean()) > 0.005


def unevenness(image: Any) -> tuple[float, float]:
    """Gap between the quarters' means, in deviations, and ratio of their deviations."""
    grey = image.mean(dim=0)
    quarters = torch.stack([part for half in grey.chunk(2) for part in half.chunk(2, dim=1)])
    means, deviations = quarters.mean(dim=(1, 2)), quarters.std(dim=(1, 2))
    return (
        float((means.max() - means.min()) / grey.std()),
        float(deviations.max() / deviations.min().clamp_min(1e-6)),
    )


@pytest.mark.parametrize("name", TEXTURES)
def test_a_texture_is_alike_in_its_quarters(name: str) -> None:
    # The middle of several seeds: one canvas may have a coarse pattern.
    gaps, ratios = zip(*(unevenness(image_of(name, seed, 128)) for seed in range(3)), strict=True)
    assert np.median(gaps) < 0.8
    assert np.median(ratios) < 1.8


def test_scenes_and_gradients_are_not_alike_in_their_quarters() -> None:
    ramp = torch.linspace(0, 1, 64).expand(3, 64, 64)
    assert unevenness(ramp)[0] > 0.8
    scenes = [name for name, program in PROGRAMS.items() if program.kind == "scene"]
    uneven = [max(unevenness(image_of(name, 0))) > 1.8 for name in scenes]
    assert np.mean(uneven) > 0.3


def test_a_plan_takes_programs_in_turn_and_keeps_the_held_out_apart() -> None:
    trained, held = plan(200, 0), plan(28, 0, "only")
    assert not any(PROGRAMS[item.program].held_out for item in trained.items)
    assert all(PROGRAMS[item.program].held_out for item in held.items)
    counts = [sum(i.program == name for i in held.items) for name in held.programs]
    assert set(counts) == {2}
    assert set(plan(1, 0, "yes").programs) == set(PROGRAMS)
    assert len({item.seed for item in trained.items}) == 200
    assert plan(3, 1).items != plan(3, 0).items


def test_workers_do_not_change_a_pool(tmp_path: Path) -> None:
    index = plan(6, 5, "yes", side=64)
    render(tmp_path / "one", index, workers=1)
    render(tmp_path / "two", index, workers=2)
    one, read = load_pool(tmp_path / "one")
    two, _ = load_pool(tmp_path / "two")
    assert read == index
    assert one.shape == (6, 64, 64, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one[4], draw(index.items[4], 64))


def test_a_contact_sheet_shows_every_program() -> None:
    index: Index = plan(len(PROGRAMS), 0, "yes", side=32)
    canvases = np.zeros((len(PROGRAMS), 32, 32, 3), np.uint8)
    sheet = contact_sheet(canvases, index, each=1, cell=20, groups=2)
    black = np.all(sheet[14:34, 0:20] == 0)
    assert black
    # Each canvas covers 400 pixels; its name is black too.
    assert int(np.all(sheet == 0, axis=-1).sum()) >= 400 * len(PROGRAMS)


def test_a_zoomed_sheet_shows_the_same_pattern_larger() -> None:
    cpu = torch.device("cpu")
    plain, near = (Sheet(np.random.default_rng(0), 192, cpu, zoom) for zoom in (1.0, 2.0))

    def slopes(sheet: Sheet) -> float:
        return float(sheet.smooth(12).diff(dim=1).std())

    assert slopes(near) == pytest.approx(slopes(plain) / 2, rel=0.15)
