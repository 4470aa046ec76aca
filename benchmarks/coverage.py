"""Every interval and guarantee that the product prints: promised against achieved.

    [OFFSPEC_DATA=...] python -m benchmarks.coverage [--draws 400] [--seed 0] [--markdown FILE]

Joins the simulations of ``coverage_promises``, ``coverage_costs``, ``coverage_study`` and
``coverage_pod``; with photographs also what resplitting them gives.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks import coverage_costs, coverage_pod, coverage_promises, coverage_study
from benchmarks.common import environment, print_table, write_result
from benchmarks.coverage_rows import CoverageRow

PARTS = {
    "guarantee of the threshold": coverage_promises.rows,
    "costs and limits": coverage_costs.rows,
    "studies and comparisons": coverage_study.rows,
    "probability of detection": coverage_pod.rows,
}
SETS = ("bsdata/395000_270", "cookie", "magnetic_tile")
HEAD = ("what", "promised", "achieved", "draws")


def lines(found: Sequence[CoverageRow]) -> list[list[object]]:
    """Cells of a table."""
    return [[r["what"], f"{r['promised']:.3g}", f"{r['achieved']:.3f}", r["draws"]] for r in found]


def markdown(parts: dict[str, list[CoverageRow]]) -> str:
    """The tables of all parts."""
    text: list[str] = []
    for name, found in parts.items():
        head = (*HEAD, "how the truth is known")
        text += [f"## {name.capitalize()}\n", f"| {' | '.join(head)} |", "|---|---|---|---|---|"]
        both = zip(lines(found), found, strict=True)
        text += [f"| {' | '.join(map(str, (*cells, row['how'])))} |" for cells, row in both]
        text.append("")
    return "\n".join(text)


def main() -> None:
    """Run all parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--splits", type=int, default=40, help="of photographs, where there are")
    parser.add_argument("--parts", nargs="+", choices=tuple(PARTS), default=list(PARTS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    args = parser.parse_args()
    found: dict[str, list[CoverageRow]] = {}
    for name in args.parts:
        found[name] = PARTS[name](args.draws, args.seed)
        print_table([name, *HEAD[1:]], lines(found[name]))
    if os.environ.get("OFFSPEC_DATA") and args.splits:
        name = "guarantee on photographs"
        found[name] = coverage_promises.real_rows(list(SETS), args.splits, args.seed, None)
        print_table([name, *HEAD[1:]], lines(found[name]))
    if args.markdown is not None:
        args.markdown.write_text(markdown(found), encoding="utf-8")
    write_result(args.json, {"parts": found, "environment": environment(None)})


if __name__ == "__main__":
    main()
