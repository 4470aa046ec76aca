"""Write what the ladder measured of the package's weights into their model cards.

    python -m benchmarks.ladder_cards build/ladder.json [--weights src/offspec/weights]

The JSON is what ``python -m benchmarks.ladder --json`` wrote for the rows ``embedded``, ``joined``
and ``learned``; ``bank`` stands beside them for comparison.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from offspec.json_files import json_bytes

CARDS = {
    "embedded-nano": ("bank", "embedded", "joined"),
    "head-object": ("bank", "learned"),
    "head-texture": ("bank", "learned"),
}
FIGURES = ("aupro_30", "pixel_auroc", "image_auroc", "recall")
WEIGHTS = Path(__file__).resolve().parents[1] / "src" / "offspec" / "weights"


def entries(payload: Mapping[str, Any], rows: Sequence[str]) -> list[dict[str, Any]]:
    """Row, set, resolution and figures of each cell of these rows, in the ladder's order."""
    found = []
    for cell in payload["rows"]:
        figures = {name: round(cell[name], 3) for name in FIGURES if cell.get(name) is not None}
        if cell["row"] in rows and figures:
            place = {"row": cell["row"], "set": cell["set"], "resolution": payload["resolution"]}
            found.append({**place, **figures})
    return found


def write(payload: Mapping[str, Any], folder: Path) -> list[Path]:
    """Fill the cards of a folder; those whose rows were not measured stay as they are."""
    written = []
    for name, rows in CARDS.items():
        path = folder / f"{name}.json"
        measured = entries(payload, rows)
        if {one["row"] for one in measured} != set(rows):
            continue
        card = json.loads(path.read_text(encoding="utf-8"))
        path.write_bytes(json_bytes({**card, "ladder": measured}))
        written.append(path)
    return written


def main() -> None:
    """Parse and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("ladder", type=Path)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    args = parser.parse_args()
    for path in write(json.loads(args.ladder.read_text(encoding="utf-8")), args.weights):
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
