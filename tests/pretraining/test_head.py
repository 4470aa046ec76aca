"""The head before and while it is trained, and its tuning on one product's normals."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from offspec.types import FixedKind, FloatArray

torch = pytest.importorskip("torch", reason="pretraining needs the torch extra")

from pretraining import episodes
from pretraining.batches import Store
from pretraining.head import REACH, Head
from pretraining.train import Learner, Recipe
from pretraining.tune import Normals, Tuner, tuned
from tests.pretraining.pools import write_pool

CHANNELS = 70
SIDE = 64
KINDS: tuple[FixedKind, ...] = ("object", "texture")
every_kind = pytest.mark.parametrize("kind", KINDS)


def new_head(kind: FixedKind, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return Head(CHANNELS, fine=kind == "object").eval()


def inputs(kind: FixedKind, scale: float) -> list[Any]:
    """Residual, distance and fine distance as of normals times ``scale``."""
    generator = torch.Generator().manual_seed(1)
    residual = scale * torch.randn(2, CHANNELS, 16, 24, generator=generator)
    fine = scale**2 * torch.rand(2, 1, 32, 48, generator=generator)
    return [residual, residual.square().mean(1, keepdim=True), fine if kind == "object" else None]


# -- the network -----------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e3])
def test_the_factor_stays_within_reach(kind: FixedKind, scale: float) -> None:
    head = new_head(kind)
    with torch.no_grad():
        head.leave.weight.mul_(1e3)
        found = head(*inputs(kind, scale))
    assert found.shape == (2, 1, 16, 24)
    assert float(found.abs().max()) <= REACH
    if scale == 1.0:
        assert float(found.abs().max()) > 0.9 * REACH  # it is the bound that holds it


@every_kind
def test_a_new_head_hardly_changes_the_map(kind: FixedKind) -> None:
    with torch.no_grad():
        found = torch.stack([new_head(kind, seed)(*inputs(kind, 1.0)) for seed in range(4)])
    assert float(found.abs().max()) < 0.15
    assert float(found.std()) > 0


@every_kind
def test_every_weight_of_a_head_has_a_part_in_it(kind: FixedKind) -> None:
    head = new_head(kind)
    head(*inputs(kind, 1.0)).square().sum().backward()
    still = [n for n, p in head.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert still == []


# -- tuning ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = tmp_path_factory.mktemp("tune")
    episodes.store(write_pool(path / "pool"), path / "store", 8, seed=0, workers=1)
    return Store(path / "store")


def good_parts(store: Store, count: int) -> FloatArray:
    """Equal crops, so that a query differs from a normal where it was spoilt only."""
    one = np.asarray(store.images[0, 0], np.float32) / 255
    return np.repeat(one[None], count, axis=0)


@every_kind
def test_labels_are_where_queries_were_spoilt(kind: FixedKind, store: Store) -> None:
    crops = good_parts(store, 6)
    tuner = Tuner(Normals(crops, texture=kind == "texture"), store, 3, side=128)
    batch = tuner.batch(6)
    e, k, *shape = batch.normals.shape
    assert (e, shape) == (6, [3, 128, 128])
    assert 1 <= k <= len(crops) - episodes.QUERIES
    assert batch.queries.shape == (6, episodes.QUERIES, 3, 128, 128)
    assert batch.labels.shape == (6, episodes.QUERIES, 128, 128)
    assert batch.texture == (kind == "texture")
    change = (batch.queries - batch.normals[:, :1]).abs().mean(2)
    defect, good = batch.labels == episodes.DEFECT, batch.labels == episodes.GOOD
    assert 0 < float(defect.float().mean()) < 0.5
    assert float(change[defect].mean()) > 5 * float(change[good].mean())
    assert float(change[good].max()) < 0.1  # below what counts once blurred
    assert float(change[good].mean()) < 0.1 * episodes.VISIBLE


def test_tuning_draws_the_same_batches_from_the_same_seed(store: Store) -> None:
    rng = np.random.default_rng(0)
    crops = rng.random((9, 3, 140, 130), dtype=np.float32)

    def draw(seed: int) -> Any:
        return Tuner(Normals(crops, texture=False), store, seed, side=SIDE).batch(2)

    first, again, other = draw(1), draw(1), draw(2)
    assert torch.equal(first.queries, again.queries)
    assert torch.equal(first.labels, again.labels)
    assert first.queries.shape != other.queries.shape or not torch.equal(
        first.queries, other.queries
    )


@every_kind
def test_tuning_changes_the_head_of_its_kind_and_nothing_else(
    kind: FixedKind, store: Store
) -> None:
    torch.manual_seed(0)
    learner = Learner(Recipe("nano", "head", 1, 1, SIDE, 0, ""), 1)
    before = copy.deepcopy(learner.state_dict())
    normals = Normals(good_parts(store, 5), texture=kind == "texture")
    tuner = Tuner(normals, store, 1, side=SIDE)
    result = tuned(learner, tuner, 1e-3)
    assert result.tuned_steps >= 1
    assert not result.training
    assert all(torch.equal(v, before[name]) for name, v in learner.state_dict().items())
    after = result.state_dict()
    changed = {name for name, v in after.items() if not torch.equal(v, before[name])}
    assert changed
    assert all(name.startswith(f"heads.{kind}.") for name in changed), sorted(changed)
