"""``python -m offspec.cli``."""

from __future__ import annotations

from offspec.cli import main

main()
