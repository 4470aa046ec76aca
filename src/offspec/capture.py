"""When, and with which camera, an image was taken: from EXIF, else from the file's name.

A time in a name counts only where most names of the set hold one at the same place, so that a
serial number is not taken for a date.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

MOST_NAMES = 0.8  # of a set that have to hold a time at one place
MOST_LETTERS = 80  # of a time or a camera's name: metadata may hold anything
FIRST_YEAR, LAST_YEAR = 1990, 2100
_DIGITS = re.compile(r"\d+")
_WRITTEN = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)"
    r"(?:[T _.-]?([0-2]\d)[-_:h.]?([0-5]\d)(?:[-_:m.]?([0-5]\d))?)?"
)
_EXIF_IFD, _TAKEN, _CHANGED, _MAKE, _MODEL, _SERIAL = 0x8769, 0x9003, 0x0132, 0x010F, 0x0110, 0xA431


@dataclass(frozen=True, slots=True)
class Capture:
    """What is known of one image.

    Attributes:
        time_s: Seconds since 1970 by the camera's clock, whose zone is unknown; None = unknown.
        source: Where the time comes from.
        camera: Make, model and serial number; None = unknown.
    """

    time_s: float | None = None
    source: Literal["exif", "name"] | None = None
    camera: str | None = None

    @property
    def day(self) -> str | None:
        """The calendar day, such as 2020-08-28."""
        if self.time_s is None:
            return None
        return datetime.fromtimestamp(self.time_s, UTC).strftime("%Y-%m-%d")


def read_captures(paths: Sequence[Path]) -> list[Capture]:
    """One ``Capture`` per image; what cannot be read is unknown."""
    found = [_exif(path) for path in paths]
    if sum(one.time_s is not None for one in found) >= MOST_NAMES * len(found):
        return found
    times = times_in_names([path.name for path in paths])
    return [
        one if time is None else Capture(time, "name", one.camera)
        for one, time in zip(found, times, strict=True)
    ]


def _exif(path: Path) -> Capture:
    from PIL import Image  # noqa: PLC0415 - only here, and only when images are looked at

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged metadata: it is then unknown
            with Image.open(path, formats=("JPEG", "PNG", "TIFF")) as image:
                top = image.getexif()
                below = top.get_ifd(_EXIF_IFD)
    except Exception:  # noqa: BLE001 - whatever metadata holds, the image itself is judged elsewhere
        return Capture()
    words = [str(one).strip("\0 ") for one in (top.get(_MAKE), top.get(_MODEL), below.get(_SERIAL))
             if one]  # fmt: skip
    time = _parsed(str(below.get(_TAKEN) or top.get(_CHANGED) or ""))
    return Capture(time, None if time is None else "exif", " ".join(words)[:MOST_LETTERS] or None)


def _parsed(text: str) -> float | None:
    numbers = [int(one) for one in _DIGITS.findall(text[:MOST_LETTERS])]
    return _seconds(*numbers[:6]) if len(numbers) >= 6 else None


def times_in_names(names: Sequence[str]) -> list[float | None]:
    """Seconds since 1970 from file names; None where a name holds no time.

    Read are a written date (20200828, 2020-08-28_11-00-14), runs of 12 digits (yymmddHHMMSS) and
    Unix times in seconds or milliseconds. The reading that fits most names is taken for all.

    Example:
        >>> times_in_names(["01_200828110014_a.jpg", "01_200828115518_a.jpg"])
        [1598612414.0, 1598615718.0]
    """
    readings = [_readings(name) for name in names]
    counts = Counter(key for one in readings for key in one)
    if not counts:
        return [None] * len(names)
    best, hits = max(counts.items(), key=lambda item: (item[1], -item[0][0]))
    if hits < MOST_NAMES * len(names) or len({one.get(best) for one in readings}) < 2:
        return [None] * len(names)
    return [one.get(best) for one in readings]


def _readings(name: str) -> dict[tuple[int, str], float]:
    """Every way to read a time, keyed by its number in the name and its kind."""
    found: dict[tuple[int, str], float] = {}
    for number, match in enumerate(_WRITTEN.finditer(name)):
        time = _seconds(*(int(one or 0) for one in match.groups()))
        if time is not None:
            found[number, "written"] = time
    for number, match in enumerate(_DIGITS.finditer(name)):
        text = match.group()
        if len(text) == 12:
            parts = [int(text[i : i + 2]) for i in range(0, 12, 2)]
            time = _seconds(2000 + parts[0], *parts[1:])
            if time is not None:
                found[number, "yymmddHHMMSS"] = time
        elif len(text) in (10, 13) and 946684800 <= int(text[:10]) < 4102444800:
            found[number, "unix"] = int(text) / (1 if len(text) == 10 else 1000)
    return found


def _seconds(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0
) -> float | None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None
