"""Detectors by data sets by seeds: what ``offspec bench DATASET ...`` measures.

Every run fits and inspects in processes of its own, so that time and peak memory belong to it
alone. Runs take turns set by set, so that a busy machine slows all of them. A run that fails
becomes a row with the error; the others finish.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from offspec.errors import OffspecError, OptionError, RuntimeBackendError
from offspec.fitting import FitConfig
from offspec.run_config import RunConfig, default_config

Row = dict[str, Any]
ProgressCall = Callable[[str, int, int], None]

SETTINGS = frozenset(one.name for one in fields(FitConfig)) - {
    "detector",
    "options",
    "threads",
    "augmentation",
}
_WHOLE = re.compile(r"(?:([\w.+-]+)=)?([a-z_]+)(?:\[(.*)\])?")


@dataclass(frozen=True, slots=True)
class Method:
    """One detector with its settings, or one of a peer's.

    Attributes:
        name: As it is shown.
        config: Settings of the fit; the seed is put in by the run.
        owner: ``offspec``, or the peer's name.
        settings: What differs from the settings of all, as it was asked for.
    """

    name: str
    config: FitConfig
    owner: str = "offspec"
    settings: str = ""


@dataclass(frozen=True, slots=True)
class MethodBench:
    """What to measure.

    Attributes:
        methods: In the order of the tables.
        datasets: Folders in an accepted layout.
        seeds: Each method runs once with each.
        normals: Training images per set, a fixed sample; None = all.
        tests: Test images per set, likewise.
        peer: Runs a peer's method; None = there is none.
    """

    methods: Sequence[Method]
    datasets: Sequence[Path]
    seeds: Sequence[int] = (0,)
    normals: int | None = None
    tests: int | None = None
    peer: Callable[[Method, Path, int, Path], Row] | None = None
    names: Mapping[Path, str] = field(default_factory=dict)

    def runs(self) -> list[tuple[Path, int, Method]]:
        """Set by set, seed by seed, each method in turn."""
        return [(d, s, m) for d in self.datasets for s in self.seeds for m in self.methods]


def parse_methods(words: Sequence[str], base: FitConfig, minutes: float | None) -> list[Method]:
    """Methods from words such as ``patchcore`` or ``plain=patchcore[whiten=false,align=none]``.

    In brackets stand settings of ``FitConfig`` or options of the detector, ``training.steps=50``
    for a nested one; values are read as JSON, else as text. A name in front is what tables show.

    Args:
        words: Each may hold several, separated by commas.
        base: Settings of all of them; its options go to its own detector only.
        minutes: Time budget of those that train a network; None = their default.

    Raises:
        OptionError: Not such a word, an unknown detector or setting, or one asked for twice.
    """
    found: list[Method] = []
    for one in _split(",".join(words)):
        match = _WHOLE.fullmatch(one)
        if match is None:
            raise OptionError(
                f"'{one}' names no detector. A detector is its name, with settings in brackets "
                "where wanted, such as patchcore[whiten=false]. Correct it."
            )
        label, name, inner = match[1] or one, match[2], match[3] or ""
        config = _configured(name, inner, base, minutes)
        found.append(Method(label, config, settings=inner))
    twice = {m.name for m in found if [n.name for n in found].count(m.name) > 1}
    if twice or not found:
        raise OptionError(
            f"Detectors to compare: {', '.join(sorted(twice)) or 'none'} "
            f"{'more than once' if twice else 'given'}. Each is measured once. Name each once."
        )
    return found


def _split(text: str) -> list[str]:
    """At commas outside brackets."""
    parts = re.split(r",(?![^\[]*\])", text)
    return [part.strip() for part in parts if part.strip()]


def _configured(name: str, inner: str, base: FitConfig, minutes: float | None) -> FitConfig:
    """The settings of one method, checked as ``run.json`` would be."""
    defaults = default_config(name)["model"]["options"]  # refuses an unknown detector
    options: dict[str, Any] = dict(base.options) if name == base.detector else {}
    if minutes is not None and "training" in defaults:
        options["training"] = {**options.get("training", {}), "minutes": minutes}
    settings: dict[str, Any] = {}
    for pair in _split(inner):
        key, equals, text = pair.partition("=")
        if not equals:
            raise OptionError(
                f"'{pair}' of '{name}' is no setting. A setting is name=value. Correct it."
            )
        if key in SETTINGS:
            settings[key] = _value(text)
        else:
            _put(options, key.split("."), _value(text))
    config = replace(base, detector=name, options=options, **settings)
    _check(config)
    return config


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _put(options: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set a nested option; the mappings on the way are copied."""
    inside = options
    for name in path[:-1]:
        below = inside.get(name)
        inside[name] = dict(below) if isinstance(below, Mapping) else {}
        inside = inside[name]
    inside[path[-1]] = value


def _check(config: FitConfig) -> None:
    """Refuse before any long work what ``run.json`` would refuse."""
    from offspec.fit_plan import detector_options  # noqa: PLC0415
    from offspec.options import parse_options  # noqa: PLC0415

    given = asdict(config)
    sections = {
        name: {key: given[key] for key in section.annotation.model_fields}
        for name, section in RunConfig.model_fields.items()
        if section.annotation is not None
    }
    parse_options(RunConfig, sections, f"'{config.detector}'")
    detector_options(config)


def run_methods(bench: MethodBench, progress: ProgressCall | None = None) -> Iterator[Row]:
    """Measure one run after another; yields its row as soon as it is known."""
    runs = bench.runs()
    for done, (dataset, seed, method) in enumerate(runs):
        if progress is not None:
            progress(f"measure, {method.name} on {dataset.name}", done, len(runs))
        row: Row = {
            "detector": method.name,
            "owner": method.owner,
            "method": method.config.detector,
            "settings": method.settings,
            "set": bench.names.get(dataset, dataset.name),
            "seed": seed,
            "resolution": method.config.resolution,
            "backbone": Path(method.config.backbone.removeprefix("file:")).name,
        }
        with tempfile.TemporaryDirectory(prefix="offspec-bench-") as folder:
            try:
                if method.owner != "offspec" and bench.peer is not None:
                    row |= bench.peer(method, dataset, seed, Path(folder))
                else:
                    row |= _run_own(bench, method, dataset, seed, Path(folder))
            except OffspecError as error:
                row["error"] = {"code": error.code, "message": str(error)}
        yield row
    if progress is not None:
        progress("measure", len(runs), len(runs))


def _run_own(bench: MethodBench, method: Method, dataset: Path, seed: int, folder: Path) -> Row:
    """One of our detectors on one set with one seed."""
    config = replace(method.config, seed=seed)
    job = {
        "dataset": str(dataset),
        "config": {
            **asdict(config),
            "augmentation": config.augmentation.model_dump(mode="json"),
        },
        "normals": bench.normals,
        "tests": bench.tests,
        "folder": str(folder),
    }
    found: Row = {}
    for stage in ("fit", "inspect"):
        command = [sys.executable, "-m", "offspec.bench_worker"]
        found |= run_stage(command, stage, job, config.threads)
        if "error" in found:
            break
    return found


def run_stage(
    command: Sequence[str], stage: str, job: Mapping[str, Any], threads: int | None
) -> Row:
    """Run one stage in a process of its own and read what it left.

    Raises:
        RuntimeBackendError: The process did not end well; its last words are quoted.
    """
    folder = Path(job["folder"])
    path = folder / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    environment = dict(os.environ)
    if threads is not None:
        environment |= {
            name: str(threads)
            for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        }
    done = subprocess.run(  # noqa: S603 - our own code and the interpreter that was asked for
        [*command, stage, str(path)], capture_output=True, text=True, check=False, env=environment
    )
    result = folder / f"{stage}.json"
    if done.returncode != 0 or not result.is_file():
        raise RuntimeBackendError(
            f"The measured process of '{stage}' ended with status {done.returncode}: "
            f"{done.stderr.strip()[-400:]}. It has to finish to be measured. "
            "Where memory ran out, take a smaller sample or resolution."
        )
    row: Row = json.loads(result.read_text(encoding="utf-8"))
    return row
