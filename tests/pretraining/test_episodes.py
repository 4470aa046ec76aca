from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pretraining needs the torch extra")

from pretraining import defects, episodes, nuisance
from pretraining.batches import Store
from pretraining.fields import Source
from pretraining.pool import load_pool
from tests.pretraining.pools import write_pool

ALL_MAKERS = {**defects.MAKERS, **defects.HELD_OUT_MAKERS}


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pool(tmp_path_factory.mktemp("pool"))


@pytest.fixture(scope="module")
def store(pool: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("store")
    episodes.store(pool, out, 16, seed=3, workers=1)
    return out


@pytest.mark.parametrize("name", sorted(ALL_MAKERS))
def test_a_maker_changes_what_its_mask_says(name: str) -> None:
    source = Source(1, torch.device("cpu"))
    images = source.uniform(8, 3, 32, 32, low=0.3, high=0.7)
    images = torch.nn.functional.interpolate(images, scale_factor=4, mode="bilinear")
    foreign = source.uniform(8, 3, 128, 128)
    changed, mask = ALL_MAKERS[name](source, images, foreign)
    assert mask.shape == (8, 1, 128, 128)
    assert 0 <= float(mask.min()) <= float(mask.max()) <= 1
    change = (changed - images).abs().mean(1, keepdim=True)
    outside = torch.nn.functional.max_pool2d(mask, 9, 1, 4) == 0
    assert float(change[outside].max()) < 0.02
    assert float((change * mask).amax((1, 2, 3)).median()) > 0.02


def test_same_seed_same_episodes_whatever_the_workers(
    pool: Path, store: Path, tmp_path: Path
) -> None:
    episodes.store(pool, tmp_path, 16, seed=3, workers=2)
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy"), np.load(store / "images.npy"))
    np.testing.assert_array_equal(np.load(tmp_path / "labels.npy"), np.load(store / "labels.npy"))
    other = episodes.render(load_pool(pool), defects.MAKERS, 99, torch.device("cpu"))
    assert not np.array_equal(other.images, np.load(store / "images.npy"))


def test_labels_are_where_queries_differ(store: Path) -> None:
    images = np.load(store / "images.npy").astype(np.float32)
    labels = np.load(store / "labels.npy")
    kinds = Store(store).kinds
    fixed = kinds == episodes.KINDS.index("fixed")
    normals, queries = images[fixed][:, : episodes.NORMALS], images[fixed][:, episodes.NORMALS :]
    away = np.abs(queries - normals.mean(1, keepdims=True)).mean(2)
    defect, good = labels[fixed] == episodes.DEFECT, labels[fixed] == episodes.GOOD
    assert defect.any()
    assert away[defect].mean() > 1.5 * away[good].mean()


def test_texture_episodes_show_other_places(store: Path) -> None:
    images = np.load(store / "images.npy").astype(np.float32)[:, : episodes.NORMALS]
    kinds = Store(store).kinds
    spread = images.std(axis=1).mean(axis=(1, 2, 3))
    texture = kinds == episodes.KINDS.index("texture")
    assert spread[texture].mean() > 1.5 * spread[kinds == episodes.KINDS.index("fixed")].mean()


def test_nuisance_stays_within_its_limits() -> None:
    y, x = nuisance.positions(Source(0, torch.device("cpu")), 32, 4, 64)
    row = torch.arange(64) - 31.5
    assert float((y - row[:, None]).abs().max()) < 6  # 2 px, 1.5 degrees, 0.6 % and the warp
    assert float((x - row[None]).abs().max()) < 6
    centre = (y[:, 31:33, 31:33].mean((1, 2)) ** 2 + x[:, 31:33, 31:33].mean((1, 2)) ** 2).sqrt()
    assert float(centre.max()) > 0.5


def test_jpeg_of_best_quality_changes_little_and_of_half_more() -> None:
    source = Source(0, torch.device("cpu"))
    images = source.uniform(2, 3, 64, 64)
    best = (nuisance.jpeg(images, torch.ones(2)) - images).abs().mean()
    half = (nuisance.jpeg(images, torch.full((2,), 0.5)) - images).abs().mean()
    assert float(best) < 0.003
    assert float(half) > 0.02


def test_augmentation_keeps_labels_with_their_images(store: Path) -> None:
    read = Store(store)
    rows = np.flatnonzero(read.kinds == episodes.KINDS.index("fixed"))
    for seed in range(6):
        batch = read.batch(rows, 8, np.random.default_rng(seed), 96)
        assert batch.queries.shape[-2:] == (96, 96)
        away = (batch.queries - batch.normals.mean(1, keepdim=True)).abs().mean(2)
        defect = batch.labels == episodes.DEFECT
        if int(defect.sum()) > 100:
            assert float(away[defect].mean()) > 1.2 * float(away[~defect].mean())
