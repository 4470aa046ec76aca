"""The template picture: size, what is drawn where, and odd inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from offspec.errors import ShapeError
from offspec.template import AlignSettings, Exclusion, Region, Template, whole_image_template
from offspec.template_view import COLOURS, draw_template


def template() -> Template:
    regions = (
        Region(
            "cap",
            "Cap é 盖",
            "polygon",
            ((20, 20), (300, 40), (200, 180)),
            exclusions=(Exclusion("ellipse", ((150, 60), (200, 100))),),
        ),
        Region("dial", "Dial", "ellipse", ((400, 100), (700, 400))),
        Region("all", "All", "rectangle", ((0, 0), (900, 600)), resolution="fast"),
    )
    return replace(
        whole_image_template((900, 600)),
        regions=regions[:2],
        alignment=AlignSettings("shift", where_xywh=(10, 10, 500, 300)),
    )


def grey(width: int, height: int, dtype: type = np.uint8) -> np.ndarray:
    return np.full((height, width, 3), 128 if dtype is np.uint8 else 4000, dtype=dtype)


def test_picture_has_the_reference_above_a_legend() -> None:
    picture = draw_template(grey(900, 600), template())
    assert picture.dtype == np.uint8
    assert picture.shape[1] == 900
    assert picture.shape[0] > 600
    assert (picture[605:610].min(axis=2) > 200).mean() > 0.9


def test_each_region_is_outlined_in_its_colour() -> None:
    picture = draw_template(grey(900, 600), template())[:600]
    for index in range(2):
        assert (picture == COLOURS[index]).all(axis=2).sum() > 300


def test_outside_is_dimmed_and_inside_is_not() -> None:
    picture = draw_template(grey(900, 600), template())
    assert tuple(picture[250, 550]) == (128, 128, 128)
    assert picture[560, 860].max() < 100


def test_exclusions_are_hatched() -> None:
    picture = draw_template(grey(900, 600), template())
    patch = picture[70:90, 165:185, 0]
    assert (patch == 235).any()
    assert (patch < 100).any()


def test_a_shrunk_region_is_explained_in_the_legend() -> None:
    region = Region("all", "All", "rectangle", ((0, 0), (900, 600)), resolution="fast")
    fine = draw_template(grey(900, 600), whole_image_template((900, 600)))
    told = draw_template(
        grey(900, 600), replace(whole_image_template((900, 600)), regions=(region,))
    )
    assert told.shape[0] > fine.shape[0]


@pytest.mark.parametrize(
    ("width", "height", "dtype"),
    [(40, 30, np.uint8), (4000, 120, np.uint8), (300, 2500, np.uint16)],
)
def test_all_sizes_and_depths_are_drawn(width: int, height: int, dtype: type) -> None:
    picture = draw_template(grey(width, height, dtype), whole_image_template((width, height)))
    assert 900 <= max(picture.shape[:2]) < 2400


def test_same_template_same_picture_and_input_untouched() -> None:
    image = grey(900, 600)
    first = draw_template(image, template())
    assert np.array_equal(first, draw_template(image, template()))
    assert (image == 128).all()


def test_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match="have to be equal"):
        draw_template(grey(901, 600), template())
