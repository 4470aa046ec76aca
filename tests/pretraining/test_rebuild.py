from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pretraining needs the torch extra")

from offspec.embedded import read_weights
from pretraining import rebuild


def test_the_head_that_finds_most_is_taken() -> None:
    rows = [
        ["bank", 0.9, 0.9, 0.9, 0.9],
        ["head-1 on bank", 0.80, 0.99, 0.60, 0.99],
        ["head-2 on bank", 0.79, 0.10, 0.65, 0.10],
    ]
    assert rebuild.best(rows, (1, 2)) == 2


def test_what_is_finished_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(rebuild, "call", lambda command: done.append(command[0]))
    plan = rebuild.Plan(tmp_path, seeds=(1, 2))
    for path, _ in rebuild.steps(plan):
        path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "pool" / "index.json").touch()
    (plan.head(1) / "finished").touch()
    rebuild.run(plan)
    first = list(done)
    assert first.count("canvases") == 1
    assert first.count("train") == 2
    assert first[-1] == "validate"
    done.clear()
    rebuild.run(plan)
    assert {"canvases", "episodes", "train"}.isdisjoint(done)


@pytest.mark.slow
def test_everything_is_made_from_nothing(tmp_path: Path) -> None:
    plan = rebuild.Plan(tmp_path, canvases=160, episodes=56, head_steps=2, nano_steps=2, seeds=(1,))
    rebuild.run(plan)
    assert read_weights(plan.nano, "embedded-nano").card["recipe"]["objective"] == "detector"
    assert read_weights(plan.head(1), "head-object").card["seeds"] == [1]
    rows = json.loads((tmp_path / "validation.json").read_text())
    assert rebuild.best(rows, (1,)) == 1
