"""Rows of ``offspec bench`` as tables: means and spreads over seeds, Markdown and CSV.

A mean over seeds or sets stands only where every run behind it has the figure; a run that failed
leaves its error in the place of its line.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

Row = Mapping[str, Any]

MEAN = "mean over sets"


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of the tables.

    Attributes:
        key: In a row.
        title: Over the column.
        digits: Behind the point.
        better: Which way is better; ``none`` where neither is.
    """

    key: str
    title: str
    digits: int
    better: str = "none"


COLUMNS = (
    Column("image_auroc", "image AUROC", 3, "high"),
    Column("pixel_auroc", "pixel AUROC", 3, "high"),
    Column("aupro_30", "AU-PRO .30", 3, "high"),
    Column("aupro_05", "AU-PRO .05", 3, "high"),
    Column("detection_rate", "detected", 2, "high"),
    Column("false_stop_rate", "false stops", 2, "low"),
    Column("fit_s", "fit s", 1, "low"),
    Column("latency_p50_ms", "p50 ms", 0, "low"),
    Column("latency_p95_ms", "p95 ms", 0, "low"),
    Column("memory_fit_mb", "fit MB", 0, "low"),
    Column("memory_inspect_mb", "inspect MB", 0, "low"),
    Column("bundle_mb", "bundle MB", 1, "low"),
    Column("steps", "steps", 0),
)
COSTS = ("fit_s", "latency_p50_ms", "memory_fit_mb", "memory_inspect_mb", "bundle_mb")
QUALITY = ("image_auroc", "pixel_auroc", "aupro_30")
CSV_KEYS = (
    "detector", "owner", "method", "settings", "set", "seed", "backbone", "resolution",
    "normals", "test_images",
    *(column.key for column in COLUMNS), "invalid", "alignment", "parity", "error_code",
    "error_message",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean and its spread.

    Attributes:
        mean: None where a run lacks the figure.
        spread: Standard deviation over seeds, of the means over sets; None with one seed.
    """

    mean: float | None
    spread: float | None = None

    def text(self, digits: int) -> str:
        """``0.812 ± 0.004``, ``0.812``, or a dash."""
        if self.mean is None:
            return "–"
        words = f"{self.mean:.{digits}f}"
        return words if self.spread is None else f"{words} ± {self.spread:.{digits}f}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: a detector on a set, or its mean over sets.

    Attributes:
        figures: By key; empty where a run failed.
        runs: How many rows are behind it.
        error: ``[code] words`` of the first run that failed, or nothing.
    """

    detector: str
    owner: str
    place: str
    figures: Mapping[str, Figure]
    runs: int
    error: str = ""


def lines(rows: Sequence[Row]) -> list[Line]:
    """Detector by detector: its sets in the order they were measured, then their mean."""
    found: list[Line] = []
    places = list(dict.fromkeys(str(row["set"]) for row in rows))
    for name in detectors(rows):
        own = [row for row in rows if row["detector"] == name]
        there = [place for place in places if any(row["set"] == place for row in own)]
        found += [_line(place, [row for row in own if row["set"] == place]) for place in there]
        if len(places) > 1 and len(there) == len(places):
            found.append(_line(MEAN, own))
    return found


def detectors(rows: Sequence[Row]) -> list[str]:
    """Names in the order they were measured."""
    return list(dict.fromkeys(str(row["detector"]) for row in rows))


def _line(place: str, rows: Sequence[Row]) -> Line:
    first, failed = rows[0], [row["error"] for row in rows if "error" in row]
    error = f"[{failed[0]['code']}] {failed[0]['message']}" if failed else ""
    figures = {} if failed else {c.key: _figure(rows, c.key) for c in COLUMNS}
    return Line(str(first["detector"]), str(first["owner"]), place, figures, len(rows), error)


def _figure(rows: Sequence[Row], key: str) -> Figure:
    """The mean over rows; the spread over seeds of what each seed has on average."""
    by_seed: dict[int, list[float]] = {}
    for row in rows:
        value = row.get(key)
        if value is None or not math.isfinite(value):
            return Figure(None)
        by_seed.setdefault(row["seed"], []).append(float(value))
    means = [fmean(values) for values in by_seed.values()]
    return Figure(fmean(means), stdev(means) if len(means) > 1 else None)


def markdown(rows: Sequence[Row]) -> str:
    """The whole table, and beside a peer what it costs against ours."""
    head = ["detector", "set", *(column.title for column in COLUMNS), "runs"]
    text = ["| " + " | ".join(head) + " |", "|" + " --- |" * 2 + " ---: |" * (len(head) - 2)]
    for line in lines(rows):
        cells = [line.figures[c.key].text(c.digits) for c in COLUMNS] if line.figures else []
        if line.error:
            cells = [_plain(line.error), *([""] * (len(COLUMNS) - 1))]
        name, place = _plain(line.detector), _plain(line.place)
        text.append(f"| {name} | {place} | " + " | ".join(cells) + f" | {line.runs} |")
    compared = comparisons(rows)
    if compared:
        text += [
            "",
            "| against | detector | " + " | ".join(c.title for c in _ratio_columns()) + " |",
        ]
        text.append("|" + " --- |" * 2 + " ---: |" * len(_ratio_columns()))
        text += [
            f"| {_plain(one.peer)} | {_plain(one.own)} | "
            + " | ".join(one.text(column) for column in _ratio_columns())
            + " |"
            for one in compared
        ]
    return "\n".join(text) + "\n"


def _plain(words: str) -> str:
    return " ".join(words.split()).replace("|", "/")[:200]


def _ratio_columns() -> list[Column]:
    return [c for c in COLUMNS if c.key in {*QUALITY, *COSTS}]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One of ours against one of a peer's, over the sets both have.

    Attributes:
        values: Quality: ours minus the peer's, in points of 100. Costs: the peer's over ours.
    """

    peer: str
    own: str
    values: Mapping[str, float | None]

    def text(self, column: Column) -> str:
        """``+0.4`` points, or ``3.1x``: the peer takes so many times what ours takes."""
        value = self.values.get(column.key)
        if value is None:
            return "–"
        return f"{value:+.1f}" if column.key in QUALITY else f"{value:.2g}x"


def comparisons(rows: Sequence[Row]) -> list[Comparison]:
    """Every peer's method with each of ours that has the same name; costs: ratios of sums."""
    known = {str(row["detector"]): (row["owner"], row["method"]) for row in rows}
    return [
        Comparison(peer, own, _against(rows, peer, own))
        for peer, (owner, method) in known.items()
        if owner != "offspec"
        for own, whose in known.items()
        if whose == ("offspec", method)
    ]


def _against(rows: Sequence[Row], peer: str, own: str) -> dict[str, float | None]:
    keyed = {(r["detector"], r["set"], r["seed"]): r for r in rows if "error" not in r}
    shared = [(s, n) for d, s, n in keyed if d == own and (peer, s, n) in keyed]
    found: dict[str, float | None] = {}
    for key in (*QUALITY, *COSTS):
        pairs = [(keyed[own, *at].get(key), keyed[peer, *at].get(key)) for at in shared]
        known = [(float(a), float(b)) for a, b in pairs if a is not None and b is not None]
        if not known or len(known) < len(pairs):
            found[key] = None
        elif key in QUALITY:
            found[key] = 100 * fmean(a - b for a, b in known)
        else:
            found[key] = sum(b for _, b in known) / max(sum(a for a, _ in known), 1e-9)
    return found


def csv_text(rows: Sequence[Row]) -> str:
    """One line a run, unrounded; an error in columns of its own."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_KEYS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        error = row.get("error") or {}
        writer.writerow(
            {**row, "error_code": error.get("code"), "error_message": error.get("message")}
        )
    return out.getvalue()
