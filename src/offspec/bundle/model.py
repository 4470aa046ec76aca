"""A model in memory."""

from __future__ import annotations

from dataclasses import dataclass

from offspec.bundle.manifest import Manifest
from offspec.errors import BundleError
from offspec.types import ImageArray

MAX_BUNDLE_BYTES = 1 << 30
MAX_GRAPH_BYTES = 512 << 20
MAX_REFERENCE_BYTES = 512 << 20
MAX_MANIFEST_BYTES = 32 << 20


@dataclass(frozen=True)
class Bundle:
    """A fitted and calibrated model; ``Inspector(bundle)`` runs it.

    Attributes:
        reference: (H, W, 3) RGB, uint8 or uint16, the image that regions are drawn on.
        graphs: Serialised ONNX models, one per group of the manifest.
    """

    manifest: Manifest
    reference: ImageArray
    graphs: tuple[bytes, ...]

    def __post_init__(self) -> None:
        width, height = self.manifest.template.size_wh
        if self.reference.shape != (height, width, 3):
            raise BundleError(
                f"The reference has shape {self.reference.shape}. The template asks for "
                f"{(height, width, 3)}. Use the reference that the template was drawn on."
            )
        depth = str(self.reference.dtype)
        if depth not in {"uint8", "uint16"} or (depth == "uint8") != (self.manifest.bits == 8):
            raise BundleError(
                f"The reference is {depth} with {self.manifest.bits} significant bits. Allowed "
                "are uint8 with 8, and uint16 with 10, 12, 14 or 16. Fit again."
            )
        if len(self.graphs) != len(self.manifest.groups):
            raise BundleError(
                f"The bundle has {len(self.graphs)} graphs. Its manifest names "
                f"{len(self.manifest.groups)}. Fit again, or use an undamaged copy."
            )
