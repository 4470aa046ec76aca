"""What a restoring detector makes of an image: shown in the report, never used for a verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offspec import graphs
from offspec.bundle import Bundle
from offspec.detectors.linear import one_thread_session
from offspec.detectors.restoring import RESTORED
from offspec.runtime.sampler import Sampler
from offspec.types import Alignment, FloatArray, ImageArray

GAIN = 4  # of the difference that is shown


@dataclass(frozen=True, slots=True)
class Restored:
    """The crop with the strongest deviation, all (H, W, 3) uint8 RGB at network size.

    Attributes:
        seen: The crop as the network sees it.
        restored: What the network makes of it.
        difference: Their absolute difference, GAIN times, on black.
    """

    seen: ImageArray
    restored: ImageArray
    difference: ImageArray


class Restorer:
    """Runs the graphs of a bundle once more, for what they restore.

    Args:
        bundle: Of detector ``autoencoder`` or ``gan``; see ``restores``.
    """

    def __init__(self, bundle: Bundle) -> None:
        manifest = bundle.manifest
        self._sampler = Sampler(
            manifest.template, manifest.tiles, manifest.groups, manifest.bits, bundle.reference
        )
        models = [graphs.with_output(graph, RESTORED) for graph in bundle.graphs]
        self._sessions = [None if m is None else one_thread_session(m) for m in models]

    def restore(self, image: ImageArray, alignment: Alignment) -> Restored | None:
        """The crop whose map is highest; None where no graph restores.

        Args:
            image: (H, W, 3) RGB of the bundle's bit depth.
            alignment: As the inspection found it.
        """
        best: tuple[float, FloatArray, FloatArray] | None = None
        crops = self._sampler.cut(image, alignment).crops
        for session, own, slots in zip(self._sessions, crops, self._sampler.slots, strict=True):
            if session is None:
                continue
            several = len(session.get_inputs()) > 1
            for at, slot in enumerate(slots):
                given = {"crop": own[at : at + 1]}
                feeds = {**given, "slot": np.array([slot])} if several else given
                heat, made = session.run(["map", RESTORED], feeds)
                if best is None or float(heat.max()) > best[0]:
                    best = float(heat.max()), own[at], made[0]
        return None if best is None else _shown(best[1], best[2])


def restores(bundle: Bundle) -> bool:
    """Whether a bundle's graphs hold a restored image."""
    wanted = RESTORED.encode()
    return any(wanted in graph for graph in bundle.graphs)


def _shown(seen: FloatArray, restored: FloatArray) -> Restored:
    return Restored(
        _eight_bits(seen), _eight_bits(restored), _eight_bits(GAIN * np.abs(seen - restored))
    )


def _eight_bits(x: FloatArray) -> ImageArray:
    """(3, H, W) in [0, 1] to (H, W, 3)."""
    return np.rint(255 * np.clip(x, 0, 1)).astype(np.uint8).transpose(1, 2, 0)
