"""Detectors side by side on the development sets: ``offspec bench`` with their folders.

    OFFSPEC_DATA=... python -m benchmarks.methods [--sets cookie ...] [OPTION OF offspec bench ...]

Such as ``--detectors reference,patchcore --seeds 0,1,2 --minutes 5 --threads 2 --markdown FILE``.
"""

from __future__ import annotations

import argparse

from benchmarks.common import data_root
from benchmarks.real_data import SETS
from offspec.cli import app


def main() -> None:
    """Put the folders in front of the options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    args, options = parser.parse_known_args()
    root = data_root()
    app(["bench", *(str(root / name) for name in args.sets), *options])


if __name__ == "__main__":
    main()
