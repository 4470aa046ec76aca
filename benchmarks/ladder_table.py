"""From the ladder's cells to its tables: means over sets, mean and spread over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.ladder_measure import DEEPPCB, MASK_FIGURES
from benchmarks.real_data import BSDATA

HEADER = (
    "row", "bsdata", "magnetic_tile", "decision mean", "cookie", "deeppcb recall", "bsdata .05",
    "m. tile .05", "image AUROC b/m/c", "pixel AUROC b/m/c", "MB", "parameters", "net ms",
    "inspect ms", "runs",
)  # fmt: skip
SET_HEADER = ("row", "set", *MASK_FIGURES, "recall", "inspect ms")
MAGNETIC, COOKIE = "magnetic_tile", "cookie"

Cell = dict[str, Any]


def by_row(cells: Sequence[Cell]) -> dict[str, dict[int, dict[str, Cell]]]:
    """Row to seed to set to cell, in order of appearance."""
    found: dict[str, dict[int, dict[str, Cell]]] = {}
    for cell in cells:
        found.setdefault(cell["row"], {}).setdefault(cell["seed"], {})[cell["set"]] = cell
    return found


def on(name: str, figure: str) -> Callable[[dict[str, Cell]], float | None]:
    """Takes a figure of one set from a run; ``bsdata`` is the mean of the five positions."""

    def take(run: dict[str, Cell]) -> float | None:
        names = BSDATA if name == "bsdata" else (name,)
        values = [run.get(n, {}).get(figure) for n in names]
        known = [v for v in values if v is not None]
        return statistics.fmean(known) if len(known) == len(names) else None

    return take


def decision(run: dict[str, Cell]) -> float | None:
    """Mean of AU-PRO(0.30) of bsdata (itself a mean of five) and magnetic_tile."""
    parts = [on(name, "aupro_30")(run) for name in ("bsdata", MAGNETIC)]
    known = [part for part in parts if part is not None]
    return statistics.fmean(known) if len(known) == 2 else None


def spread(values: Sequence[float | None], digits: int = 3) -> str:
    """Mean, with the standard deviation where there are several; ``-`` where one is missing."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return "-"
    text = f"{statistics.fmean(known):.{digits}f}"
    return f"{text} ± {statistics.stdev(known):.{digits}f}" if len(known) > 1 else text


def lines(cells: Sequence[Cell]) -> list[list[str]]:
    """One line per row under ``HEADER``; AU-PRO is at 0.30 unless the header says else."""
    table = []
    for name, runs in by_row(cells).items():
        each = list(runs.values())
        first = next(iter(each[0].values()))

        def over(take: Callable[[dict[str, Cell]], float | None], runs: Any = each) -> str:
            return spread([take(run) for run in runs])

        def three(figure: str, runs: Any = each) -> str:
            sets = ("bsdata", MAGNETIC, COOKIE)
            return " / ".join(spread([on(s, figure)(run) for run in runs]) for s in sets)

        times = [c["ms"] for run in each for c in run.values() if "ms" in c]
        table.append(
            [
                name,
                over(on("bsdata", "aupro_30")),
                over(on(MAGNETIC, "aupro_30")),
                over(decision),
                over(on(COOKIE, "aupro_30")),
                over(on(DEEPPCB, "recall")),
                over(on("bsdata", "aupro_05")),
                over(on(MAGNETIC, "aupro_05")),
                three("image_auroc"),
                three("pixel_auroc"),
                f"{first['weights_mb']:.1f}",
                f"{first['parameters']}",
                f"{first['backbone_ms']:.1f}",
                f"{statistics.median(times):.0f}" if times else "-",
                f"{len(each)}",
            ]
        )
    return table


def set_lines(cells: Sequence[Cell]) -> list[list[str]]:
    """One line per row and set under ``SET_HEADER``."""
    table = []
    for name, runs in by_row(cells).items():
        for set_name in dict.fromkeys(s for run in runs.values() for s in run):
            own = [run.get(set_name, {}) for run in runs.values()]
            figures = [spread([c.get(key) for c in own]) for key in (*MASK_FIGURES, "recall")]
            error = next((c["error"] for c in own if "error" in c), "")
            table.append([name, set_name, *figures, error or spread([c["ms"] for c in own], 0)])
    return table


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(header) + " |",
        "|" + " --- |" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]


def markdown(payload: dict[str, Any]) -> str:
    """The page: what is compared, both tables, the command and the machine."""
    about = payload["environment"]
    cells = payload["rows"]
    flat = {**about, **about.get("versions", {})}
    machine = ", ".join(f"{k} {v}" for k, v in flat.items() if k not in ("command", "versions"))
    parts = [
        "# The ladder",
        "",
        "What features are worth: every row is measured under the same detector, `reference`, on",
        "the same images, from raw pixels with a variation model to networks pretrained on",
        "ImageNet. Figures are AU-PRO(0.30) unless the head says otherwise. *Decision mean* is the",
        "mean of bsdata (itself the mean of five positions) and magnetic_tile. *deeppcb recall* is",
        "at one false component an image, one drawing level for all pairs. Image AUROC on bsdata",
        "is confounded with time: good and defective parts were photographed on other days. Where",
        "several seeds ran, mean and standard deviation stand there. Milliseconds are medians:",
        "*net* is the backbone alone on one 256 crop, *inspect* the whole inspection, over sets.",
        "",
        f"Resolution `{payload['resolution']}`, seeds {payload['seeds']}.",
        "",
        *_grid(HEADER, lines(cells)),
        "",
        "b/m/c: bsdata, magnetic_tile, cookie.",
        "",
        "## Set by set",
        "",
        *_grid(SET_HEADER, set_lines(cells)),
        "",
    ]
    parts += [f"`{name}` is left out: {why}." for name, why in payload["skipped"].items()]
    parts += ["", f"Command: `{about['command']}`", "", f"Machine: {machine}", ""]
    return "\n".join(parts)
