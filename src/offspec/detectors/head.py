"""The learned head of ``reference``: a shipped network that corrects the closed form's map.

The closed form adds up squared residuals: every channel counts the same and every cell stands
alone. The head was trained on made defects in procedural images to see which channels deviate
together, and over what area; it is the same for every product, and what is normal for a product
is in the residual, in units of its own tolerance. It gives a factor of the map, between
exp(-1) and exp(1). ``pretraining/head.py`` is its other half.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from offspec.embedded import load_weights
from offspec.errors import OptionError
from offspec.graphs import Model, Var, inline_graph
from offspec.types import FixedKind

NONE = "none"
FILES = {"object": "head-object", "texture": "head-texture"}


@dataclass(frozen=True, slots=True)
class Head:
    """A head for one kind of region.

    Attributes:
        model: From ``residual`` [N, C, h, w], ``distance`` [N, 1, h, w] and, for fixed parts,
            ``fine`` [N, 1, 2h, 2w] to ``factor`` [N, 1, h, w], a natural logarithm.
        backbone: Whose residuals it was trained on.
        sha256: Of its file.
        receptive_px: Crop pixels of residual that can change one cell.
    """

    model: Model
    backbone: str
    sha256: str
    receptive_px: int

    @classmethod
    def shipped(cls, kind: FixedKind) -> Self:
        """The package's head for this kind.

        Raises:
            WeightsError: Its file is missing or damaged.
        """
        weights = load_weights(FILES[kind])
        return cls(
            weights.model, str(weights.card["backbone"]), weights.sha256, weights.receptive_px
        )

    def factor(self, inputs: Mapping[str, Var]) -> Var:
        """Logarithm of what the map is multiplied with, at the residual's stride."""
        return inline_graph(self.model, inputs)["factor"]


def make_head(name: str, kind: FixedKind, backbone: str) -> Head | None:
    """The head of this name, or None for ``none``.

    Args:
        name: learned or none.
        kind: Of the region.
        backbone: Name of the backbone in use.

    Raises:
        OptionError: Unknown name, or a head that was trained on another backbone.
        WeightsError: Its file is missing or damaged.
    """
    if name == NONE:
        return None
    if name != "learned":
        raise OptionError(f"Head '{name}' is unknown. Known: learned, none. Choose one.")
    head = Head.shipped(kind)
    if head.backbone != backbone:
        raise OptionError(
            f"The learned head reads residuals of backbone '{head.backbone}', not of "
            f"'{backbone}'. Use that backbone, or head 'none'."
        )
    return head
