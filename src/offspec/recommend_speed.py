"""How long one image takes on this machine, held against what the line needs."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from offspec.bundle import Bundle
from offspec.crossfit import Learner
from offspec.datasets import Dataset
from offspec.fit_plan import FitConfig, plan
from offspec.fitting import draft_bundle
from offspec.images import read_image
from offspec.machine import available_cores
from offspec.recommend_needs import Needs
from offspec.runtime import Inspector
from offspec.template import Template
from offspec.types import ImageArray

RUNS = 15
MOST_SECONDS = 4.0  # of timing; slow images are timed less often
LOAD = 0.8  # share of a core that may be busy all day
PROBE_NORMALS = 6
BUSY = 1.5  # running tasks a core


@dataclass(frozen=True, slots=True)
class Speed:
    """Times of one image, map and mask included, decoding not.

    Attributes:
        p50_ms: Median on ``cores`` cores.
        p95_ms: 95th percentile on them.
        one_core_ms: Median on one core.
        cores: Used for the first two.
        cores_needed: For the asked parts per minute, each core working on its own images and
            busy 80 % of the time; None where no rate was asked.
    """

    p50_ms: float
    p95_ms: float
    one_core_ms: float
    cores: int
    cores_needed: int | None

    def obstacle(self, needs: Needs) -> str | None:
        """Why it is too slow for the line, or None."""
        if needs.latency_ms is not None and self.p50_ms > needs.latency_ms:
            return f"takes {self.p50_ms:.0f} ms an image, {needs.latency_ms:g} ms are allowed"
        if self.cores_needed is not None and self.cores_needed > needs.cores:
            return (
                f"needs {self.cores_needed} cores for {needs.parts_per_minute:g} images a minute "
                f"({self.one_core_ms:.0f} ms each), {needs.cores} are there"
            )
        return None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "p50_ms": round(self.p50_ms, 2),
            "p95_ms": round(self.p95_ms, 2),
            "one_core_ms": round(self.one_core_ms, 2),
            "cores": self.cores,
            "cores_needed": self.cores_needed,
        }


def time_bundle(bundle: Bundle, images: Sequence[ImageArray], needs: Needs) -> Speed:
    """Time a bundle on some images, on one core and on those of the line."""
    cores = min(needs.cores, available_cores())
    alone = _times(bundle, images, 1, needs.locate)
    together = alone if cores == 1 else _times(bundle, images, cores, needs.locate)
    p50, p95 = (float(v) for v in np.percentile(together, (50, 95)))
    one = float(np.median(alone))
    needed = None
    if needs.parts_per_minute is not None:
        needed = max(1, math.ceil(needs.parts_per_minute / 60 * one / 1000 / LOAD))
    return Speed(p50, p95, one, cores, needed)


def _times(
    bundle: Bundle, images: Sequence[ImageArray], threads: int, with_map: bool
) -> list[float]:
    inspector = Inspector(bundle, threads=threads)
    inspector.inspect(images[0], with_map=with_map)
    found: list[float] = []
    while len(found) < RUNS and (len(found) < 3 or sum(found) < 1000 * MOST_SECONDS):
        image = images[len(found) % len(images)]
        start = time.perf_counter()
        inspector.inspect(image, with_map=with_map)
        found.append(1000 * (time.perf_counter() - start))
    return found


def busy() -> float | None:
    """Load of the machine where it is too high for times to mean anything; else None."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return load if load > BUSY * available_cores() else None


def probe(
    dataset: Dataset, template: Template | Path | str | None, config: FitConfig, needs: Needs
) -> Speed:
    """Time a detector fitted on the reference and a few normals, without calibrating it.

    Detectors that keep what they saw get slower with more normals; ``--measure`` times them.

    Raises:
        OffspecError: The detector cannot be fitted so.
    """
    few = Dataset(dataset.root, dataset.layout, dataset.normals[:PROBE_NORMALS])
    job = plan(few, template, replace(config, false_alarm_rate=0.5), _silent)
    learner = Learner(job)
    usable = learner.embed_all(_silent)
    learner.fit_all(usable)
    bundle = draft_bundle(job, learner, usable)
    images = [job.reference, *(read_image(r.path) for r in job.records[:4])]
    return time_bundle(bundle, [i for i in images if i.dtype == job.reference.dtype], needs)


def _silent(_step: str, _done: int, _total: int) -> None:
    """Progress for nobody."""
