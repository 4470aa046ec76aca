from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pretraining needs the torch extra")

from pretraining import bank, episodes, validate
from pretraining.batches import Store
from pretraining.network import SIZES, Network, cost
from pretraining.train import OBJECTIVES, TEXTURE_SHARE, Recipe, Run
from tests.pretraining.pools import write_pool


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("train")
    episodes.store(write_pool(path / "pool"), path / "store", 16, seed=0, workers=1)
    return path / "store"


def recipe(objective: str, steps: int) -> Recipe:
    return Recipe("nano", objective, steps, 2, 64, 1, "test")


def train(store: Path, out: Path, objective: str, steps: int, every: int) -> Run:
    out.mkdir(exist_ok=True)
    run = Run(recipe(objective, steps), Store(store), out, torch.device("cpu"))
    run.train(every=every)
    return run


@pytest.mark.parametrize(("size", "most"), [("nano", 90e6), ("small", 225e6)])
def test_size_and_work_are_within_the_budget(size: str, most: float) -> None:
    parameters, multiply_adds = cost(SIZES[size])
    assert multiply_adds <= most
    assert parameters <= 2e6


def test_features_are_at_stride_four() -> None:
    network = Network(SIZES["nano"]).eval()
    with torch.no_grad():
        found = network(torch.rand(2, 3, 64, 96))
    assert found.shape == (2, network.channels, 16, 24)


def moved(trained: Run, fresh: Run, part: str) -> bool:
    """Whether any weight whose name starts so is another one."""
    before = dict(fresh.learner.named_parameters())
    found = [name for name in before if name.startswith(part)]
    assert found, part
    after = dict(trained.learner.named_parameters())
    return any(not torch.equal(after[name], before[name]) for name in found)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_trains_its_own_parts(objective: str, store: Path, tmp_path: Path) -> None:
    """``head`` leaves the network alone; a head learns from batches of its kind only."""
    run = train(store, tmp_path, objective, 3, 1)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert all(row["total"] > 0 for row in rows)
    fresh = Run(recipe(objective, 3), Store(store), tmp_path / "none", torch.device("cpu"))
    assert moved(run, fresh, "network.stem.") == (objective != "head")
    assert (run.learner.comparison is not None) == (objective == "comparison")
    assert (run.learner.heads is not None) == (objective in {"head", "whole"})
    if objective == "comparison":
        assert moved(run, fresh, "comparison.")
    if objective == "classify":
        assert moved(run, fresh, "classify.")
    if run.learner.heads is not None:
        rng, there = np.random.default_rng(run.recipe.seed * 10**6), Store(store)
        drawn = [there.draw(rng, 2, TEXTURE_SHARE, 64).texture for _ in range(3)]
        assert moved(run, fresh, "heads.object.") == (False in drawn)
        assert moved(run, fresh, "heads.texture.") == (True in drawn)


def test_same_seed_same_weights(store: Path, tmp_path: Path) -> None:
    first, again = (train(store, tmp_path / name, "head", 3, 3) for name in ("first", "again"))
    other = Run(replace(recipe("head", 3), seed=2), Store(store), tmp_path, torch.device("cpu"))
    assert not moved(first, again, "heads.")
    assert moved(first, other, "heads.")


def test_a_run_goes_on_where_it_stopped(store: Path, tmp_path: Path) -> None:
    train(store, tmp_path, "detector", 2, 1)
    again = train(store, tmp_path, "detector", 2, 1)
    assert again.step == 2
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2
    with pytest.raises(SystemExit, match="another recipe"):
        Run(recipe("detector", 9), Store(store), tmp_path, torch.device("cpu"))


def test_validation_ranks_what_it_should(store: Path, tmp_path: Path) -> None:
    """On fixed parts the fine plane sees defects without features; on textures nothing does."""
    train(store, tmp_path, "detector", 2, 1)
    learner = validate.load(tmp_path / "checkpoint.pt")

    def score(embed: Any, *, texture: bool) -> float:
        batches = Store(store).all_of(texture=texture, size=4, normals=4, limit=8)
        return float(validate.score(batches, embed, learner)[0])

    def flat(images: Any) -> Any:
        return torch.nn.functional.avg_pool2d(images * 0 + 0.5, 4)

    assert score(learner.network, texture=False) > 0.3
    assert score(bank.bank, texture=False) > 0.1 + score(flat, texture=False)
    assert score(bank.bank, texture=True) > 0.05
    assert score(flat, texture=True) == 0


def test_the_area_is_the_recall_over_false_alarms() -> None:
    good = np.arange(100, dtype=np.float32)
    scores = np.concatenate([good, np.array([1000, 1000, 89.5, 0], np.float32)])
    defect = np.arange(104) >= 100
    found = validate.area(scores, defect, ~defect)
    assert np.allclose(found, [0.5 + 0.25 * 2 / 3, 0.5], atol=0.02)
