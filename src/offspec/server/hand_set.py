"""A model with decision points that a person set."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offspec.bundle import read_bundle
from offspec.bundle.write import bundle_bytes
from offspec.datasets import read_dataset
from offspec.decisions.operating_by_hand import set_decision_points
from offspec.fit_summary import fit_summary
from offspec.images import atomic_write
from offspec.jobs.materialise import write_version
from offspec.json_files import finite
from offspec.server.services import Services
from offspec.store.models import ModelRow, VersionRow


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle in the store, and what is said of it."""

    sha256: str
    summary: dict[str, Any]


def set_by_hand(
    services: Services,
    model: ModelRow,
    version: VersionRow | None,
    points: tuple[float, float],
    who: str,
    why: str,
) -> Made:
    """Write the changed bundle; test images of the version are recorded as those that chose.

    Args:
        services: Of this server.
        model: Stays as it is.
        version: What the points were looked up on; None = nothing.
        points: t_review and t_ng.
        who: Who sets them; kept in the bundle.
        why: The reason; kept too.

    Raises:
        OptionError: Points out of order, or nothing changes.
    """
    with tempfile.TemporaryDirectory(prefix="offspec-hand-") as folder:
        path = Path(folder) / "model.offspec"
        atomic_write(path, services.blobs.get(model.bundle_sha256))
        bundle = read_bundle(path)
        seen = []
        if version is not None:
            root = write_version(version, services.blobs, Path(folder), only="test")
            seen = [r for r in read_dataset(root, need_normals=False).test if r.label is not None]
        made = set_decision_points(bundle, *points, who=who, why=why, seen=seen)
    return Made(services.blobs.put(bundle_bytes(made)), finite(fit_summary(made)))
