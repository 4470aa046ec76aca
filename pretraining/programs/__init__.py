"""Procedural image programs: what the embedded network learns from.

Each program draws one kind of picture with wide ranges of size, contrast and colour. Two whole
programs of each family are held out of training: they judge, they do not teach.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from . import fractal, layout, material, noise, part, shapes, solid
from .colour import finish
from .sheet import Sheet

Kind = Literal["texture", "scene"]


@dataclass(frozen=True, slots=True)
class Program:
    """One program.

    Attributes:
        name: Unique.
        family: Programs that work in a similar way.
        kind: ``texture`` is statistically the same everywhere, ``scene`` has things at places.
        held_out: Never used for training.
        make: Draws the picture without the finish.
    """

    name: str
    family: str
    kind: Kind
    held_out: bool
    make: Callable[[Sheet], Tensor]

    def draw(self, rng: np.random.Generator, side: int, device: torch.device) -> Tensor:
        """Draw a canvas, finished with light, contrast and grain.

        Args:
            rng: Source of every random number.
            side: Side in pixels; programs draw alike at every side.
            device: Where to draw.

        Returns:
            (3, side, side) float32 RGB, 0 to 1.
        """
        even = self.kind == "texture"
        # Half of the textures are seen from nearer; things at places would leave the frame.
        zoom = math.exp(rng.uniform(0, 1)) if even and rng.random() < 0.5 else 1.0
        sheet = Sheet(rng, side, device, zoom)
        return finish(sheet, self.make(sheet), even)


TEXTURES: dict[str, tuple[Callable[[Sheet], Tensor], ...]] = {
    "noise": (
        noise.power_law, noise.coloured_noise, noise.oriented_noise, noise.fractal_sum,
        noise.domain_warp, noise.cells, noise.cell_walls, noise.pebbles, noise.gabor, noise.band,
        noise.reaction, noise.contour_lines, noise.quantised, noise.sparse_dots,
    ),
    "material": (
        material.marble, material.wood, material.orange_peel, material.cast_iron,
        material.ground_steel, material.milled, material.turned_face, material.leather,
        material.granite, material.terrazzo, material.plain_weave, material.knit, material.felt,
        material.sandblasted, material.cross_hatch, material.carbon, material.rust, material.foam,
    ),
    "layout": (
        layout.tiles, layout.perforated, layout.tread_plate, layout.screen_pixels, layout.mosaic,
    ),
    "solid": (solid.studs,),
    "shapes": (shapes.confetti,),
}  # fmt: skip

SCENES: dict[str, tuple[Callable[[Sheet], Tensor], ...]] = {
    "shapes": (
        shapes.dead_discs, shapes.dead_boxes, shapes.dead_polygons, shapes.dead_blobs,
        shapes.dead_mixed, shapes.few_large, shapes.needles, shapes.alike_parts,
        shapes.stacked_sheets, shapes.two_materials, shapes.inlays,
    ),
    "fractal": (
        fractal.flame, fractal.flame_heap, fractal.fern_field, fractal.mandelbrot, fractal.julia,
        fractal.embossed_fractal, fractal.fractal_patchwork, fractal.branching,
    ),
    "layout": (
        layout.part_grid, layout.traces, layout.components, layout.print_page, layout.label,
        layout.matrix_code, layout.dial, layout.ruler,
    ),
    "part": (
        part.thread, part.spring, part.gears, part.bearing, part.connector, part.bolts, part.weld,
        part.stitches, part.cable, part.caps, part.keypad, part.fins, part.blister, part.bottle,
    ),
    "solid": (
        solid.solids, solid.spheres, solid.rods, solid.rings, solid.blocks, solid.embossed_plate,
        solid.embossed_text, solid.pressed_sheet, solid.machined, solid.dunes,
    ),
}  # fmt: skip

HELD_OUT = frozenset({
    "domain_warp", "pebbles",
    "leather", "milled",
    "dead_blobs", "alike_parts",
    "julia", "fern_field",
    "traces", "perforated",
    "bearing", "stitches",
    "rings", "embossed_text",
})  # fmt: skip
"""Two of each family."""


def _programs() -> dict[str, Program]:
    table = {}
    kinds: tuple[tuple[Kind, dict[str, tuple[Callable[[Sheet], Tensor], ...]]], ...] = (
        ("texture", TEXTURES),
        ("scene", SCENES),
    )
    for kind, families in kinds:
        for family, makers in families.items():
            for make in makers:
                name = make.__name__
                table[name] = Program(name, family, kind, name in HELD_OUT, make)
    return table


PROGRAMS: dict[str, Program] = _programs()
"""Every program by name."""
