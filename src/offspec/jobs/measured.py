"""What every job on labelled images shares: images new to the model, and what the page shows."""

from __future__ import annotations

from pathlib import Path

from offspec.bundle import Bundle
from offspec.datasets import Dataset, read_dataset
from offspec.evaluation import without_learned
from offspec.jobs.work import Work


def new_images(work: Work, root: Path, *bundles: Bundle) -> tuple[Dataset, int]:
    """The dataset without test images that a model knows, and how many were left out.

    Raises:
        DatasetError: None is left.
    """
    data = read_dataset(root, seed=bundles[0].manifest.seed, need_normals=False)
    rest, out = without_learned(data, *bundles)
    if out:
        work.pulse.say(
            f"{len(out)} test images are left out: a model learned from them, or they chose its "
            "thresholds."
        )
    return rest, len(out)
