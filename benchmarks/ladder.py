"""The ladder: what features are worth under one detector, from raw pixels to ImageNet.

    OFFSPEC_DATA=... OFFSPEC_WEIGHTS=... python -m benchmarks.ladder --no-calibrate
        [--rows ROW ...] [--sets SET ...] [--seeds 0 1 2] [--resolution fast] [--threads 2]
        [--candidate NAME=A.onnx,B.onnx ...] [--head NAME=FOLDER,FOLDER ...]
        [--cache FILE] [--json FILE] [--markdown FILE]

Rows are feature sources, all under the same ``reference`` detector, except ``variation``, which
is a detector of its own on raw pixels. A candidate is a weights file of ours; with several files
(one per training seed) each fit seed takes the next. ``+bank`` behind any row's name joins it
with ``bank``. ``learned`` is ``bank`` with the package's head, and ``--head`` adds rows with heads
from folders. Rows whose weights are not to be had are left out, with the reason.

Finished cells are kept in the cache file under a hash of weights, detector and settings, so that a
run that was stopped goes on; delete it after changing alignment, cutting or metrics. Without
``--no-calibrate`` every model is also cross-fitted, as shipped; the figures here only rank and do
not change.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from benchmarks.common import environment, print_table, write_result
from benchmarks.foreign import (
    FOREIGN,
    Factory,
    MissingWeightsError,
    OnnxBackbone,
    WithBank,
    content_hash,
    files_of,
    foreign,
    untrained,
    weight_figures,
)
from benchmarks.heads import head_detector
from benchmarks.ladder_measure import SETS, Cell, Figures, backbone_ms, measure_set
from benchmarks.ladder_sets import Kept
from benchmarks.ladder_table import HEADER, SET_HEADER, lines, markdown, set_lines
from benchmarks.variation import NAME as VARIATION
from offspec import detectors
from offspec.backbones import BACKBONES, Backbone, make_backbone
from offspec.errors import OffspecError
from offspec.types import Resolution

JOIN = "+bank"
UNTRAINED = ("untrained-nano", "untrained-small")
SHIPPED = tuple(sorted(BACKBONES))
LEARNED = "learned"
ROWS = (VARIATION, *SHIPPED, LEARNED, *UNTRAINED, *FOREIGN)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the ladder.

    Attributes:
        name: As printed.
        detector: reference or variation.
        factory: From a seed to a backbone.
        heads: Folders of heads, one per seed; None in one = the package's. Empty = no head.
    """

    name: str
    detector: str
    factory: Factory
    heads: tuple[Path | None, ...] = ()

    def detector_of(self, seed: int) -> str:
        """Name of the detector for a seed."""
        return head_detector(self.heads[seed % len(self.heads)]) if self.heads else self.detector


Candidates = dict[str, tuple[Path, ...]]


def row_of(name: str, candidates: Candidates, heads: Candidates, scratch: Path) -> Row:
    """The row of this name; untrained networks are written to ``scratch``.

    Raises:
        SystemExit: Unknown name.
    """
    if name.endswith(JOIN) and name != JOIN:
        inner = row_of(name.removesuffix(JOIN), candidates, heads, scratch).factory
        return Row(name, "reference", lambda seed: WithBank(inner(seed)))
    if name in candidates:
        paths = candidates[name]
        return Row(name, "reference", lambda seed: OnnxBackbone(paths[seed % len(paths)]))
    if name == LEARNED or name in heads:
        return Row(name, "reference", lambda _: make_backbone("bank"), heads.get(name, (None,)))
    if name == VARIATION:
        return Row(name, VARIATION, lambda _: make_backbone("bank"))
    if name in UNTRAINED:
        size = name.removeprefix("untrained-")
        return Row(name, "reference", lambda seed: untrained(size, seed, scratch))
    if name in FOREIGN:
        return Row(name, "reference", functools.partial(foreign, name))
    if name in BACKBONES:
        return Row(name, "reference", lambda _: make_backbone(name))
    known = ", ".join((*ROWS, *candidates, *heads))
    raise SystemExit(f"Row '{name}' is unknown. Known: {known}, each also with '{JOIN}'.")


def candidates_of(words: Sequence[str]) -> Candidates:
    """NAME=A.onnx,B.onnx as a name and its files or folders.

    Raises:
        SystemExit: Not of that form, or a file is missing.
    """
    found = {}
    for word in words:
        name, _, files = word.partition("=")
        paths = tuple(Path(file) for file in files.split(",") if file)
        missing = [str(path) for path in paths if not path.exists()]
        if not name or not paths or missing:
            raise SystemExit(f"{word}: NAME=PATH[,PATH...] is wanted; missing: {missing}")
        found[name] = paths
    return found


# -- the cache -------------------------------------------------------------------------


@functools.cache
def code_hash(detector: str) -> str:
    """Of the detector's source: other statistics, other figures."""
    paths = sorted(Path(detectors.__file__).parent.glob("*.py"))
    if detector == VARIATION:
        paths = [Path(__file__).with_name("variation.py")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def cell_key(weights: str, set_name: str, cell: Cell) -> str:
    """What a cell's figures depend on: weights and wiring, detector code, set, settings.

    Args:
        weights: ``content_hash`` of the backbone.
        set_name: As in ``SETS``.
        cell: Threads never change a result and are left out.
    """
    settings = {k: v for k, v in asdict(cell).items() if k != "threads"}
    text = json.dumps([weights, code_hash(cell.detector), set_name, settings], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Cache:
    """Finished cells in a JSON file, written after each.

    Args:
        path: The file; None = nothing is kept.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        known = path is not None and path.is_file()
        self._cells: dict[str, Figures] = json.loads(path.read_text()) if path and known else {}

    def get(self, key: str, compute: Callable[[], Figures]) -> Figures:
        """What is known under a key, or what computing it gives."""
        if key not in self._cells:
            self._cells[key] = compute()
            if self.path is not None:
                aside = self.path.with_suffix(".part")
                aside.write_text(json.dumps(self._cells, indent=1) + "\n")
                aside.replace(self.path)
        return self._cells[key]


# -- running ---------------------------------------------------------------------------


def run_rows(
    wanted: Sequence[Row], options: argparse.Namespace, cache: Cache
) -> tuple[list[Figures], dict[str, str]]:
    """Figures of all rows, and why rows were left out."""
    rows: list[Figures] = []
    skipped: dict[str, str] = {}
    kept = Kept()
    for row in wanted:
        try:
            rows += run_row(row, options, cache, kept)
        except MissingWeightsError as error:
            skipped[row.name] = str(error)
            print(f"{row.name}: left out, {error}", flush=True)
    return rows, skipped


def run_row(row: Row, options: argparse.Namespace, cache: Cache, kept: Kept) -> list[Figures]:
    """Figures of one row on every set and seed; a set that fails has its error instead."""
    rows: list[Figures] = []
    for seed in options.seeds:
        backbone = row.factory(seed)
        detector = row.detector_of(seed)
        cell = Cell(detector, options.resolution, seed, options.threads, options.calibrate)
        weights = content_hash(backbone)
        cost = cost_of(row, backbone, options.threads)
        for name in options.sets:
            try:
                found = cache.get(
                    cell_key(weights, name, cell),
                    functools.partial(measure_set, backbone, name, cell, kept),
                )
            except OffspecError as error:
                found = {"error": f"[{error.code}] {error}"}
            rows.append({"row": row.name, "seed": seed, "set": name, **cost, **found})
            tell = {k: round(v, 4) for k, v in found.items() if isinstance(v, float)}
            print(row.name, seed, name, tell or found, flush=True)
    return rows


def cost_of(row: Row, backbone: Backbone, threads: int) -> Figures:
    """Weights and time of a row's backbone; raw pixels have none."""
    if row.detector == VARIATION:
        return {"weights_mb": 0.0, "parameters": 0, "backbone_ms": 0.0}
    megabytes, parameters = weight_figures(files_of(backbone))
    took = backbone_ms(backbone, threads=threads)
    return {"weights_mb": megabytes, "parameters": parameters, "backbone_ms": took}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rows", nargs="*", metavar="ROW", help=f"default: {' '.join(ROWS)}")
    parser.add_argument("--sets", nargs="*", metavar="SET", default=list(SETS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--resolution", choices=get_args(Resolution), default="fast")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--candidate", action="append", default=[], metavar="NAME=FILES")
    parser.add_argument("--head", action="append", default=[], metavar="NAME=FOLDERS")
    parser.add_argument("--no-calibrate", dest="calibrate", action="store_false")
    parser.add_argument("--cache", type=Path, help="finished cells, read and written")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    return parser.parse_args(arguments)


def main() -> None:
    """Parse, run, print, write."""
    options = parse()
    candidates, heads = candidates_of(options.candidate), candidates_of(options.head)
    names = (*ROWS, *candidates, *heads) if options.rows is None else options.rows
    cache = Cache(options.cache)
    with tempfile.TemporaryDirectory() as scratch:
        wanted = [row_of(name, candidates, heads, Path(scratch)) for name in names]
        rows, skipped = run_rows(wanted, options, cache)
    print_table(HEADER, lines(rows))
    print()
    print_table(SET_HEADER, set_lines(rows))
    payload: dict[str, Any] = {
        "environment": environment(options.threads),
        "resolution": options.resolution,
        "seeds": options.seeds,
        "calibrated": options.calibrate,
        "skipped": skipped,
        "rows": rows,
    }
    write_result(options.json, payload)
    if options.markdown is not None:
        options.markdown.write_text(markdown(payload), encoding="utf-8")


if __name__ == "__main__":
    main()
