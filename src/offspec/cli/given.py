"""What commands are given and name again: a dataset less some images, a bundle's file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from offspec.datasets import Dataset

ExcludeOption = Annotated[
    Path | None,
    typer.Option("--exclude", help="A text file: images to leave out, one path a line."),
]


def excluded(exclude: Path | None) -> tuple[str, ...]:
    """The images that a list names; none without a list.

    Raises:
        OptionError: Not such a file.
    """
    if exclude is None:
        return ()
    from offspec.exclusions import read_exclusions

    return read_exclusions(exclude)


def without(
    dataset: Path, exclude: Path | None, seed: int, *, need_normals: bool = True
) -> Dataset | Path:
    """The dataset less the images that a list names.

    Raises:
        OptionError: The list names an image that is not there.
    """
    if exclude is None:
        return dataset
    from offspec.datasets import read_dataset

    return read_dataset(dataset, seed=seed, need_normals=need_normals, exclude=excluded(exclude))


def named(bundle_file: Path) -> dict[str, str]:
    """By what a result says which bundle it is about."""
    from offspec.images import file_sha256

    return {"file": bundle_file.name, "sha256": file_sha256(bundle_file)}
