"""The training loop: what ends it, what it keeps, what it writes and what it refuses."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from offspec.errors import OptionError, TrainingError
from offspec.networks import loop
from offspec.networks.settings import Training


class Towards:
    """One weight that is moved by one a step; held-out loss is the distance to a goal."""

    def __init__(self, goal: float, at_step: Callable[[int], float] | None = None) -> None:
        self.network = torch.nn.Linear(1, 1, bias=False)
        with torch.no_grad():
            self.network.weight.zero_()
        self.goal, self.steps, self.at_step = goal, 0, at_step
        self.closed = False

    def optimisers(self, training: Training) -> list[Any]:
        return [torch.optim.SGD(self.network.parameters(), lr=training.learning_rate)]

    def step(self, optimisers: list[Any], cast: Any) -> dict[str, float]:
        self.steps += 1
        loss = 1.0 if self.at_step is None else self.at_step(self.steps)
        if math.isfinite(loss):
            with torch.no_grad():
                self.network.weight += 1
        return {"total": loss}

    def held_out(self) -> float:
        return abs(float(self.network.weight.detach()) - self.goal) + 0.1

    def close(self) -> None:
        self.closed = True


def settings(**changed: Any) -> Training:
    return Training(**{"minutes": None, "steps": 12, "check_every": 1, "patience": 3, **changed})


def run(task: Towards, training: Training, **more: Any) -> loop.History:
    return loop.train(task, training, 0, "test", lambda *_: None, **more)


def weight(task: Towards) -> float:
    return float(task.network.weight.detach())


def test_the_best_state_on_held_out_images_is_kept() -> None:
    task = Towards(goal=5)
    history = run(task, settings(patience=100))
    assert (history.ended, history.steps, history.best_step) == ("steps", 12, 5)
    assert weight(task) == 5


def test_it_stops_when_held_out_images_gain_nothing() -> None:
    task = Towards(goal=4)
    history = run(task, settings(steps=1000))
    assert (history.ended, history.steps, weight(task)) == ("patience", 7, 4)


def test_the_time_budget_ends_it() -> None:
    ticks = iter(range(10**6))
    history = run(
        Towards(goal=1e6), settings(minutes=1.0, steps=10**6, check_every=10),
        clock=lambda: float(next(ticks)),
    )  # fmt: skip
    assert history.ended == "budget"
    assert 10 <= history.steps < 60


def test_ctrl_c_keeps_the_best_so_far() -> None:
    def interrupted(step: int) -> float:
        if step == 9:
            raise KeyboardInterrupt
        return 1.0

    task = Towards(goal=6, at_step=interrupted)
    history = run(task, settings(patience=100))
    assert (history.ended, history.best_step, weight(task)) == ("interrupted", 6, 6)
    assert "interrupted" in history.words()


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_state() -> None:
    task = Towards(goal=100, at_step=lambda step: math.nan if step == 5 else 1.0)
    history = run(task, settings())
    assert (history.ended, history.steps, weight(task)) == ("not_finite", 4, 4)
    assert "no finite number" in history.words()


def test_no_finite_loss_at_all_is_an_error() -> None:
    with pytest.raises(TrainingError, match=r"no finite loss in 0 steps.*learning_rate"):
        run(Towards(goal=1, at_step=lambda _: math.inf), settings())


def test_the_log_has_a_line_for_each_check(tmp_path: Path) -> None:
    run(Towards(goal=100), settings(check_every=4, folder=str(tmp_path / "run")))
    rows = [json.loads(row) for row in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [4, 8, 12]
    assert all({"seconds", "total", "held_out"} <= row.keys() for row in rows)
    assert [row["total"] for row in rows] == [1, 1, 1]


def test_the_same_folder_goes_on_where_it_ended(tmp_path: Path) -> None:
    folder = str(tmp_path)
    first = run(Towards(goal=100), settings(steps=5, folder=folder))
    again = Towards(goal=100)
    second = run(again, settings(steps=9, folder=folder))
    assert (first.steps, second.steps, again.steps, weight(again)) == (5, 9, 4, 9)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    run(Towards(goal=100), settings(folder=str(tmp_path)))
    with pytest.raises(TrainingError, match="other settings or another detector"):
        run(Towards(goal=100), settings(folder=str(tmp_path), batch=3))


class Harmful:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (exec, ("raise SystemExit('code of a checkpoint was run')",))


@pytest.mark.parametrize("write", [pickle.dump, torch.save], ids=["pickle", "torch"])
def test_code_in_a_checkpoint_is_never_run(tmp_path: Path, write: Any) -> None:
    with (tmp_path / "checkpoint.pt").open("wb") as file:
        write({"recipe": Harmful()}, file)
    with pytest.raises(TrainingError, match="not a checkpoint of offspec"):
        run(Towards(goal=1), settings(folder=str(tmp_path)))


def test_progress_says_loss_and_time_left() -> None:
    told: list[tuple[str, int, int]] = []
    loop.train(Towards(goal=100), settings(), 0, "net", lambda *a: told.append(a))
    assert told[0][0].startswith("train net, loss 1, ")
    assert told[0][0].endswith(" min left")
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_refused() -> None:
    with pytest.raises(OptionError, match="'cuda' was asked for"):
        run(Towards(goal=1), settings(device="cuda"))
