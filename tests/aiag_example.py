"""The attribute example of the AIAG manual: 50 parts, 3 appraisers, 3 trials.

Rebuilt from its published outcome and checked against every published cross table in
``test_attribute_study.py``. One word a part: trials of A, B and C, then the reference; 1 = good.
"""

from __future__ import annotations

from pathlib import Path

MIXED = {
    6: "1101101001",
    7: "1111111011",
    12: "0000000100",
    14: "1101111001",
    21: "1101010101",
    22: "0010101100",
    26: "0100000010",
    30: "0000010000",
    34: "0010010110",
    36: "1101111011",
    43: "1011111101",
}
PLAIN_BAD = frozenset({3, 4, 5, 9, 25, 37, 39, 42, 45, 48, 50})
WORDS = {p: MIXED.get(p, 10 * ("0" if p in PLAIN_BAD else "1")) for p in range(1, 51)}


def rows() -> list[tuple[str, str, str, str, str]]:
    """Appraiser, part, trial, verdict, reference."""
    return [
        (name, str(part), str(trial + 1), word[3 * i + trial], word[9])
        for i, name in enumerate("ABC")
        for part, word in WORDS.items()
        for trial in range(3)
    ]


def write_csv(path: Path) -> Path:
    """The example as a table of verdicts."""
    lines = ["appraiser,part,trial,verdict,reference", *(",".join(row) for row in rows())]
    path.write_text("\n".join(lines) + "\n")
    return path
