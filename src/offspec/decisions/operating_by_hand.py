"""Decision points that a person sets, and the images that they were looked up on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from offspec.bundle import Bundle
from offspec.datasets import ImageRecord
from offspec.decisions.operating_choice import changed
from offspec.errors import OptionError
from offspec.fit_plan import NormalImage, load_normal
from offspec.images import image_sha256, read_image
from offspec.runtime import Inspector
from offspec.runtime.onnxruntime import available_threads


def set_decision_points(
    bundle: Bundle,
    t_review: float,
    t_ng: float,
    *,
    who: str,
    why: str,
    seen: Sequence[ImageRecord] = (),
    threads: int | None = None,
) -> Bundle:
    """Set both decision points by hand; the printed guarantee reopens.

    Args:
        bundle: A fitted model; graphs and score curve stay as they are.
        t_review: Deviation score above which a person looks again, in (0, 1).
        t_ng: Deviation score above which a part is ng, at least ``t_review``.
        who: Who sets them; kept in the manifest.
        why: The reason; kept too.
        seen: Images whose figures the choice was made on; they are remembered with the bundle, so
            that ``evaluate`` refuses them.
        threads: CPU threads.

    Raises:
        OptionError: Points out of order or range, no name or reason, or nothing changes.
        ImageDecodeError: One of the images cannot be read.
    """
    before = bundle.manifest.calibration
    if not who.strip() or not why.strip():
        raise OptionError(
            "Decision points set by hand need a name and a reason; both are kept with the bundle. "
            "Give both."
        )
    after = before.with_decision_points(t_ng, t_review)
    if (before.t_review, before.t_ng) == (t_review, t_ng):
        raise OptionError(
            f"The decision points are {t_review:g} and {t_ng:g} already. Give other ones."
        )
    event: Mapping[str, Any] = {
        "event": "decision_points",
        "t_review_before": before.t_review,
        "t_ng_before": before.t_ng,
        "t_review_after": t_review,
        "t_ng_after": t_ng,
        "who": who,
        "why": why,
    }
    return changed(bundle, after, event, _new_images(bundle, seen, threads))


def _new_images(
    bundle: Bundle, records: Sequence[ImageRecord], threads: int | None
) -> list[NormalImage]:
    """Hashes and signatures of the images that the bundle does not know yet."""
    if not records:
        return []
    manifest = bundle.manifest
    known = frozenset(manifest.learned_sha256)
    inspector = Inspector(bundle, threads=1, warm_up=False)

    def one(record: ImageRecord) -> NormalImage | None:
        image = read_image(record.path)
        if image_sha256(image) in known:
            return None
        alignment, _ = inspector.sampler.align(image)
        return load_normal(
            record.path, image, bundle.reference, alignment, manifest.bits, part=record.group
        )

    with ThreadPoolExecutor(threads or available_threads()) as pool:
        return [found for found in pool.map(one, records) if found is not None]
