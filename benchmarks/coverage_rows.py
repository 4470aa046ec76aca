"""One promise held against what came of it: the row that every coverage table has."""

from __future__ import annotations

from typing import TypedDict


class CoverageRow(TypedDict):
    """A promise and how often it held.

    Attributes:
        what: The interval, bound or guarantee, and under which conditions.
        promised: Share of cases in which it has to hold.
        achieved: Share in which it did.
        draws: Cases.
        how: How the truth was known.
    """

    what: str
    promised: float
    achieved: float
    draws: int
    how: str
