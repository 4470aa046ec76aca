from __future__ import annotations

import numpy as np
import pytest

from offspec.bench import draw_part, run_bench


def test_drawn_parts_are_alike_but_not_equal() -> None:
    one, two = draw_part(128, 0), draw_part(128, 1)
    assert np.array_equal(one, draw_part(128, 0))
    assert not np.array_equal(one, two)
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.7


@pytest.mark.slow
def test_bench_gives_every_line_of_the_goals() -> None:
    result = run_bench(runs=3)
    names = " ".join(row["name"] for row in result["rows"])
    for words in ("fit of 25", "region of 256", "region of 512", "20 regions", "alignment",
                  "cold start", "import offspec", "peak memory"):  # fmt: skip
        assert words in names
    assert all(row["p50"] > 0 for row in result["rows"])
    assert result["ratio_20_to_1"] > 0
