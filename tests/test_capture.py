"""When an image was taken: from EXIF, or from a time that most names hold at one place."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from offspec.capture import Capture, read_captures, times_in_names


def seconds(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("names", "times"),
    [
        (
            ["01_200828110014_a_2.jpg", "01_200828115518_a_2.jpg"],
            [seconds(2020, 8, 28, 11, 0, 14), seconds(2020, 8, 28, 11, 55, 18)],
        ),
        (
            ["cam1_2024-03-01_07-30-00.png", "cam1_2024-03-02_07-30-00.png"],
            [seconds(2024, 3, 1, 7, 30), seconds(2024, 3, 2, 7, 30)],
        ),
        (["20240301_1.png", "20240305_2.png"], [seconds(2024, 3, 1), seconds(2024, 3, 5)]),
        (["part_1700000000.png", "part_1700000100.png"], [1700000000.0, 1700000100.0]),
        (["p1700000000123.png", "p1700000100123.png"], [1700000000.123, 1700000100.123]),
    ],
)
def test_a_time_in_the_names_is_read(names: list[str], times: list[float]) -> None:
    assert times_in_names(names) == pytest.approx(times)


@pytest.mark.parametrize(
    "names",
    [
        ["exp1_num_116270.jpg", "exp1_num_126795.jpg"],
        ["normal-1.jpg", "normal-10.jpg"],
        ["209913991234.jpg", "209999999999.jpg"],  # month 13, day 99
        ["20240301.png", "20240301.png"],  # one time for all tells nothing
        ["20240301.png", "b.png", "c.png", "d.png"],  # most names hold none
        [],
    ],
)
def test_a_serial_number_is_no_time(names: list[str]) -> None:
    assert times_in_names(names) == [None] * len(names)


def test_one_name_without_time_among_many_is_unknown() -> None:
    names = [f"2024-03-{day:02d}.png" for day in range(1, 10)] + ["spare.png"]
    times = times_in_names(names)
    assert times[-1] is None
    assert times[0] == seconds(2024, 3, 1)


def write(path: Path, exif: dict[int, str] | None = None) -> Path:
    image = Image.fromarray(np.zeros((4, 5, 3), np.uint8))
    tags = Image.Exif()
    for tag, value in (exif or {}).items():
        tags[tag] = value
    image.save(path, exif=tags)
    return path


def test_exif_wins_over_names(tmp_path: Path) -> None:
    paths = [
        write(
            tmp_path / f"2024-03-0{day}.jpg",
            {0x0132: f"2023:05:0{day} 10:00:00", 0x010F: "Maker", 0x0110: "Model 7"},
        )
        for day in (1, 2)
    ]
    first, second = read_captures(paths)
    assert first == Capture(seconds(2023, 5, 1, 10), "exif", "Maker Model 7")
    assert second.day == "2023-05-02"


def test_what_is_no_image_or_holds_nonsense_is_unknown(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00garbage")
    odd = write(tmp_path / "odd.jpg", {0x0132: "not a date"})
    assert read_captures([broken, odd, tmp_path / "missing.jpg"]) == [Capture()] * 3
