from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pretraining needs the torch extra")

from offspec.embedded import read_weights
from pretraining import export, fractals
from pretraining import network as net

CLASSES = 6
TINY = net.Size("tiny", 4, (4, 6, 8), (1, 1, 1), 1, (2, 3, 4))


@pytest.fixture(scope="module")
def shapes() -> fractals.Shapes:
    return fractals.Shapes.of(CLASSES, 3)


def draw(seed: int) -> Any:
    return torch.Generator().manual_seed(seed)


def test_same_seed_gives_the_same_image_and_another_seed_does_not(
    shapes: fractals.Shapes,
) -> None:
    labels = torch.arange(CLASSES)
    again = fractals.Shapes.of(CLASSES, 3)
    assert torch.equal(shapes.compose(labels, draw(1)), again.compose(labels, draw(1)))
    assert not torch.equal(shapes.compose(labels, draw(1)), shapes.compose(labels, draw(2)))
    assert not torch.equal(shapes.pictures, fractals.Shapes.of(CLASSES, 4).pictures)


def test_variants_of_a_system_are_nearer_than_other_systems(shapes: fractals.Shapes) -> None:
    coarse = torch.nn.functional.avg_pool2d(shapes.pictures.flatten(0, 1)[:, None].float(), 8)
    distance = torch.cdist(coarse.flatten(1), coarse.flatten(1))
    system = torch.arange(len(distance)) // fractals.VARIANTS
    same = system[:, None] == system[None]
    own = distance[same & ~torch.eye(len(distance), dtype=torch.bool)]
    assert float(own.min()) > 0
    assert float(own.mean()) < 0.8 * float(distance[~same].mean())


def test_systems_contract_and_fill_a_sensible_share() -> None:
    systems = fractals.draw_systems(np.random.default_rng(0), 20)
    assert len(systems) == 20
    assert set(systems.used.sum(1)) == {2, 3, 4}
    assert np.linalg.norm(systems.linear(), ord=2, axis=(2, 3)).max() < 1
    np.testing.assert_allclose(systems.chances().sum(1), 1, atol=1e-6)
    assert not systems.chances()[~systems.used].any()


def test_chaos_game_finds_the_sierpinski_triangle() -> None:
    corners = np.array([[0, 0], [0.5, 0], [0, 0.5], [0, 0]], np.float32)
    one = fractals.Systems(
        turns=np.zeros((1, 4, 2), np.float32),
        sizes=np.full((1, 4, 2), 0.5, np.float32),
        mirror=np.ones((1, 4), np.float32),
        moves=corners[None],
        used=np.array([[True, True, True, False]]),
    )
    points = fractals.walk(one, np.random.default_rng(0))[0]
    inside = points.astype(np.float64).clip(0, 1 - 1e-6)
    x, y = (np.floor(inside * 2**5).astype(np.int64)).T
    assert not (x & y).any()  # its binary digits are never both one
    assert np.ptp(points, axis=0).min() > 0.95


def test_images_are_not_blank_and_stay_in_range(shapes: fractals.Shapes) -> None:
    images = shapes.compose(torch.arange(CLASSES).repeat(20), draw(5))
    assert images.shape == (20 * CLASSES, 3, fractals.SIDE, fractals.SIDE)
    assert float(images.min()) >= 0
    assert float(images.max()) <= 1
    differs = (images > 0.1).any(1).float().mean(dim=(1, 2))  # the ground is black
    assert float(differs.min()) > 0.005
    assert 0.1 < float(differs.median()) < 0.9


def test_heads_are_orthonormal_and_follow_the_seed() -> None:
    first, same, other = (net.Network(TINY) for _ in range(3))
    for network, seed in ((first, 1), (same, 1), (other, 2)):
        fractals.project(network, seed)
    for i in range(3):
        a, b, c = (n.get_parameter(f"heads.{i}.weight") for n in (first, same, other))
        rows = a.flatten(1)
        torch.testing.assert_close(rows @ rows.T, torch.eye(len(rows)), atol=1e-5, rtol=0)
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_two_steps_train_and_the_exported_file_loads(tmp_path: Path) -> None:
    run = fractals.Run(fractals.Recipe("nano", CLASSES, 2, 8, 0), tmp_path)
    before = torch.clone(run.model.network.stem.conv.weight)
    row = run.train()
    assert row["step"] == 2
    assert np.isfinite(row["loss"])
    assert json.loads((tmp_path / "log.jsonl").read_text()) == row
    network, card = export.load_checkpoint(tmp_path / "checkpoint.pt")
    assert not torch.equal(network.stem.conv.weight, before)
    export.export(network, tmp_path / "fractal-nano.onnx", card)
    weights = read_weights(tmp_path, "fractal-nano")
    assert weights.channels == sum(net.SIZES["nano"].outputs)
    assert weights.card["recipe"]["classes"] == CLASSES
