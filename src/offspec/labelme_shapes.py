"""LabelMe's shape types, each turned into outlines.

Coordinates are edge coordinates: the top-left pixel covers 0 to 1. Lines and points have no
area; they are kept as outlines of no width, which mark the pixels they pass.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

from offspec.errors import AnnotationError, ImageDecodeError
from offspec.images import decode_image
from offspec.masks import mask_polygons
from offspec.types import PointsXY

MAX_POINTS = 100_000
"""Points in one outline."""

MAX_COORDINATE = 1_000_000.0
"""Largest coordinate in pixels; images have fewer than 100 megapixels."""

_CIRCLE_CORNERS = 64
_SHAPE_TYPES = "polygon, rectangle, circle, line, linestrip, point, points, mask"


def outlines_of(shape: Mapping[str, Any]) -> list[PointsXY]:
    """Outlines of one LabelMe shape, in image pixels; several for ``points`` and ``mask``.

    Raises:
        AnnotationError: Unknown type, malformed points, too many of them, or a broken mask.
    """
    kind = shape.get("shape_type") or "polygon"
    points = _points(shape)
    if kind in {"polygon", "linestrip", "line"}:
        return [_closed(points, is_line=kind != "polygon" or len(points) < 3)]
    if kind == "rectangle":
        return [_rectangle(points)]
    if kind == "circle":
        return [_circle(points)]
    if kind in {"point", "points"}:
        return [(p, p, p) for p in points]
    if kind == "mask":
        return _mask_outlines(shape, points)
    raise AnnotationError(
        f"The shape type {str(kind)[:40]!r} is unknown. Use one of {_SHAPE_TYPES}."
    )


def _points(shape: Mapping[str, Any]) -> PointsXY:
    raw = shape.get("points")
    if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_POINTS:
        count = len(raw) if isinstance(raw, list) else "no"
        raise AnnotationError(
            f"Shape {str(shape.get('label'))[:40]!r} has {count} points. A shape has 1 to "
            f"{MAX_POINTS}. Draw it again or delete it."
        )
    return tuple(_point(p) for p in raw)


def _point(raw: object) -> tuple[float, float]:
    if isinstance(raw, list) and len(raw) == 2 and all(map(_is_coordinate, raw)):
        return float(raw[0]), float(raw[1])
    raise AnnotationError(
        f"The point {str(raw)[:60]} is not [x, y] with finite numbers up to "
        f"{MAX_COORDINATE:.0f} pixels. Draw the shape again."
    )


def _is_coordinate(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= MAX_COORDINATE  # type: ignore[arg-type]


def _closed(points: PointsXY, *, is_line: bool) -> PointsXY:
    """A line runs there and back; one point stays where it is."""
    closed = points + points[-2:0:-1] if is_line else points
    return closed if len(closed) >= 3 else (closed + closed[-1:] * 2)[:3]


def _rectangle(points: PointsXY) -> PointsXY:
    if len(points) == 4:  # LabelMe 5.5 may rotate rectangles
        return points
    if len(points) != 2:
        raise _wrong_count("rectangle", len(points), "2 opposite corners")
    (x0, y0), (x1, y1) = points
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def _circle(points: PointsXY) -> PointsXY:
    if len(points) != 2:
        raise _wrong_count("circle", len(points), "2: the centre and one on the edge")
    (cx, cy), (x, y) = points
    radius = math.hypot(x - cx, y - cy)
    angles = (2 * math.pi * i / _CIRCLE_CORNERS for i in range(_CIRCLE_CORNERS))
    return tuple((cx + radius * math.cos(a), cy + radius * math.sin(a)) for a in angles)


def _mask_outlines(shape: Mapping[str, Any], points: PointsXY) -> list[PointsXY]:
    """A base64 PNG laid with its top left pixel on the first point."""
    raw = shape.get("mask")
    if not isinstance(raw, str) or len(points) != 2:
        raise _wrong_count("mask", len(points), "2 corners and a base64 PNG")
    try:
        picture = decode_image(base64.b64decode(raw, validate=True), "mask of a shape")
    except (binascii.Error, ValueError, ImageDecodeError) as error:
        raise AnnotationError(
            f"The mask of shape {str(shape.get('label'))[:40]!r} cannot be decoded: {error} "
            "It must be a base64 PNG. Draw the mask again."
        ) from error
    left, top = (math.floor(v) for v in points[0])
    outlines = mask_polygons(picture.max(axis=2) > 0)
    return [tuple((x + left, y + top) for x, y in outline) for outline in outlines]


def _wrong_count(kind: str, count: int, rule: str) -> AnnotationError:
    return AnnotationError(f"A {kind} has {count} points. It needs {rule}. Draw it again.")
