from __future__ import annotations

import numpy as np
import pytest

from offspec.calibration import region_score
from offspec.errors import RuntimeBackendError
from offspec.runtime import Inspector
from offspec.runtime.fake import FakeRuntime
from offspec.runtime.sampler import largest_mean
from tests.bundle.make import board, make_bundle


@pytest.mark.parametrize("n", [1, 5, 63, 64, 1000, 65536, 70001])
@pytest.mark.parametrize("kind", ["noise", "ties", "zeros", "peak", "sorted"])
def test_largest_mean_equals_the_plain_rule(n: int, kind: str) -> None:
    rng = np.random.default_rng(n)
    values = rng.random(n, dtype=np.float32)
    if kind == "ties":
        values = np.round(values * 4).astype(np.float32)
    elif kind == "zeros":
        values[values < 0.999] = 0
    elif kind == "peak":
        values[: n // 50] += 5
    elif kind == "sorted":
        values.sort()
    for k in sorted({1, 4, max(1, n // 100), n}):
        if k <= n:
            assert largest_mean(values, k) == region_score(values, k)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_value_that_is_not_finite_shows(value: float) -> None:
    for n in (100, 65536 + 7):
        for at in (0, n - 1):
            values = np.ones(n, np.float32)
            values[at] = value
            assert not np.isfinite(largest_mean(values, 50))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_map_that_is_not_finite_is_an_error(value: float) -> None:
    made = make_bundle(net_hw=(96, 96))
    references = np.zeros((1, 3, 96, 96), np.float32)
    references[0, 0, 10:40, 10:40] = value
    inspector = Inspector(made, runtimes=[FakeRuntime(references)])
    with pytest.raises(RuntimeBackendError, match="not finite"):
        inspector.inspect(board())
