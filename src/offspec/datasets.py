"""Datasets: which images exist, what they show and which side of the split they are on.

Reading a dataset hashes every file and decodes none. The same files, labels and seed give
the same split on every machine.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from offspec.annotations import Annotation
from offspec.dataset_layouts import (
    ACCEPTED,
    AnnotationFault,
    Found,
    Layout,
    check_agreement,
    find_images,
)
from offspec.errors import AnnotationError, DatasetError, OptionError
from offspec.images import file_sha256, image_sha256, read_image
from offspec.types import BoolArray, Label, Split

__all__ = [
    "Dataset",
    "DatasetVersion",
    "FileEntry",
    "ImageRecord",
    "build_dataset",
    "check_leaks",
    "exclude_images",
    "read_dataset",
]

TEST_SHARE = 0.2
"""Share of normals without a split that go to test."""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One labelled image of a dataset.

    Attributes:
        key: Posix path relative to the dataset root; unique.
        label: ``ok`` or ``ng``.
        split: ``train`` or ``test``.
        defect_type: Folder or commonest label of its defects; ``good`` for normals.
        mask_path: Mask image, bright = defect, or None.
        annotation: What the annotation file says, or None.
        group: Photographs of one part share it; None = its own group.
        sha256: Of the image file's bytes.
    """

    path: Path
    key: str
    label: Label | None
    split: Split | None
    defect_type: str = "good"
    mask_path: Path | None = None
    annotation: Annotation | None = None
    group: str | None = None
    sha256: str = ""

    @property
    def has_pixel_truth(self) -> bool:
        """True for every normal and for defects with an outline or a mask file (not opened)."""
        has_outline = self.annotation is not None and bool(self.annotation.defects)
        return self.label == "ok" or self.mask_path is not None or has_outline

    def gt_mask(self, size_hw: tuple[int, int]) -> BoolArray | None:
        """Which pixels are defective.

        Args:
            size_hw: Height and width of the decoded image, to check the truth against.

        Returns:
            (H, W) bool in original image pixels; all False for normals; None for a defect
            nobody outlined, also when its mask is empty: calling its every pixel good would be
            wrong.

        Raises:
            AnnotationError: Mask or annotation of another size.
            ImageDecodeError: The mask cannot be read.
        """
        if self.mask_path is not None:
            mask = _read_mask(self.mask_path, size_hw)
            return mask if mask.any() or self.label == "ok" else None
        if self.annotation is not None and self.annotation.defects:
            return self.annotation.defect_mask(size_hw)
        return np.zeros(size_hw, np.bool_) if self.label == "ok" else None


def _read_mask(path: Path, size_hw: tuple[int, int]) -> BoolArray:
    """Read a mask of any scale.

    A mask that reaches the upper half of its depth (0/255, or blurred by resizing or JPEG) is
    cut at half; a darker one (0/1, class numbers) marks every pixel that is not 0.
    """
    values = read_image(path).max(axis=2)
    if values.shape != size_hw:
        raise AnnotationError(
            f"Mask '{path}' has {values.shape[1]} x {values.shape[0]} pixels and its image "
            f"{size_hw[1]} x {size_hw[0]}. Both must agree. Draw the mask on the original image."
        )
    half = int(np.iinfo(values.dtype).max) // 2
    mask: BoolArray = values > (half if values.max() > half else 0)
    return mask


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One line of a dataset version.

    Attributes:
        truth_sha256: Of the mask file, else of the annotation's content, else None.
    """

    key: str
    sha256: str
    label: Label | None
    split: Split | None
    truth_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """An immutable list of what a dataset held; a model says which one made it."""

    files: tuple[FileEntry, ...]

    @property
    def id(self) -> str:
        """Sha256 over keys, contents, labels, splits and truth; the folder's place is no part."""
        rows = [[f.key, f.sha256, f.label, f.split, f.truth_sha256] for f in self.files]
        return hashlib.sha256(json.dumps(rows).encode("ascii")).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        files = [
            {
                "key": f.key,
                "sha256": f.sha256,
                "label": f.label,
                "split": f.split,
                "truth_sha256": f.truth_sha256,
            }
            for f in self.files
        ]
        return {"id": self.id, "files": files}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DatasetVersion:
        """Read the JSON form back.

        Raises:
            DatasetError: Malformed, or the id does not match the files.
        """
        try:
            version = cls(tuple(FileEntry(**entry) for entry in data["files"]))
            matches = version.id == data["id"]
        except (KeyError, TypeError) as error:
            raise DatasetError(
                f"The dataset version is malformed ({error}). It needs 'id' and 'files' with key, "
                "sha256, label and split. Write it again from the dataset."
            ) from error
        if not matches:
            raise DatasetError(
                f"The dataset version says id {str(data['id'])[:12]} and its files give "
                f"{version.id[:12]}. A version never changes. Take a new version of the dataset."
            )
        return version


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled images in sorted order of ``key``.

    Attributes:
        unlabelled: Images left out because nobody judged them.
        faults: Key and message of malformed annotation files, where they were accepted.
        excluded: Images left out because somebody named them.
    """

    root: Path
    layout: Layout
    records: tuple[ImageRecord, ...]
    unlabelled: int = 0
    faults: tuple[tuple[str, str], ...] = ()
    excluded: int = 0
    _by_key: dict[str, ImageRecord] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_key.update((r.key, r) for r in self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, key: str) -> ImageRecord:
        return self._by_key[key]

    @property
    def normals(self) -> tuple[ImageRecord, ...]:
        """Training images. One may carry outlined defects; fitting refuses those in a region."""
        return tuple(r for r in self.records if r.split == "train")

    @property
    def test(self) -> tuple[ImageRecord, ...]:
        """Test images, normal and defective."""
        return tuple(r for r in self.records if r.split == "test")

    @property
    def has_masks(self) -> bool:
        """True when at least one defect is outlined or masked."""
        return any(r.has_pixel_truth for r in self.records if r.label == "ng")

    def version(self) -> DatasetVersion:
        """The immutable list of files, contents, labels and splits."""
        return DatasetVersion(
            tuple(
                FileEntry(r.key, r.sha256, r.label, r.split, _truth_hash(r)) for r in self.records
            )
        )

    def fingerprint(self) -> str:
        """Id of the version: equal for equal content, wherever the folder lies."""
        return self.version().id


def _truth_hash(record: ImageRecord) -> str | None:
    if record.mask_path is not None:
        return file_sha256(record.mask_path)
    return None if record.annotation is None else record.annotation.content_sha256()


def read_dataset(
    root: Path | str,
    *,
    seed: int = 0,
    need_normals: bool = True,
    lenient: bool = False,
    exclude: Sequence[str] = (),
) -> Dataset:
    """Read a dataset folder in any accepted layout.

    Images without a split: defects test, normals are split 80/20 by seed and content, all
    photographs of one part (``part_id``) or equal files on one side. Unlabelled images among
    labelled ones are left out and counted.

    Args:
        root: MVTec layout, images with LabelMe JSON beside them, good and bad folders, or a
            plain folder of good images.
        seed: Seed of the split.
        need_normals: False accepts a dataset without training normals, as for evaluation.
        lenient: True accepts what a check reports: one image in both train and test,
            annotations that contradict the folder of their image, and malformed ones.
        exclude: Keys of images to leave out; the split of the others stays as it is.

    Raises:
        DatasetError: No such folder, no layout fits, no normals, a contradiction, or one image
            in both train and test.
        OptionError: ``exclude`` names an image that is not there.
        AnnotationError: A malformed annotation file.
        ImageDecodeError: A file that cannot be opened.

    Example:
        >>> len(read_dataset("parts").normals)  # doctest: +SKIP
        25
    """
    folder = Path(root)
    faults: list[AnnotationFault] | None = [] if lenient else None
    layout, found = find_images(folder, faults)
    dataset = build_dataset(
        folder,
        layout,
        found,
        seed=seed,
        need_normals=need_normals,
        lenient=lenient,
        exclude=exclude,
    )
    told = ((fault.path.relative_to(folder).as_posix(), fault.message) for fault in faults or ())
    return replace(dataset, faults=tuple(told))


def build_dataset(
    root: Path,
    layout: Layout,
    found: Sequence[Found],
    *,
    seed: int,
    need_normals: bool,
    lenient: bool = False,
    exclude: Sequence[str] = (),
) -> Dataset:
    """Hash, split and check what a layout reader found; see ``read_dataset``."""
    labelled = [f for f in found if f.label is not None]
    records = [_record(root, f) for f in labelled]
    records = sorted(draw_split(records, seed), key=lambda r: r.key)
    dataset = Dataset(root, layout, tuple(records), len(found) - len(labelled))
    if need_normals and not any(r.split == "train" for r in records):
        raise DatasetError(
            f"'{root}' holds no normal image to learn from: layout '{layout}', {len(records)} "
            f"labelled and {dataset.unlabelled} unlabelled images. At least one training normal "
            f"is needed. {ACCEPTED}"
        )
    dataset = exclude_images(dataset, exclude, need_normals=need_normals)
    if not lenient:
        kept = {record.path for record in dataset.records}
        check_agreement([one for one in found if one.path in kept])
        check_leaks(dataset)
    return dataset


def _record(root: Path, found: Found) -> ImageRecord:
    return ImageRecord(
        path=found.path,
        key=found.path.relative_to(root).as_posix(),
        label=found.label,
        split=found.split,
        defect_type=found.defect_type,
        mask_path=found.mask_path,
        annotation=found.annotation,
        group=None if found.annotation is None else found.annotation.part_id,
        sha256=file_sha256(found.path),
    )


def draw_split(records: list[ImageRecord], seed: int) -> list[ImageRecord]:
    """Give every record without a split one: a fifth of the groups, in order of a seeded hash."""
    fixed = {_group_of(r): r.split for r in records if r.split is not None and r.label == "ok"}
    groups = sorted({_group_of(r) for r in records if r.split is None} - fixed.keys())

    def rank(group: str) -> str:
        return hashlib.sha256(f"{seed}:{group}".encode(errors="surrogateescape")).hexdigest()

    test_groups = set(sorted(groups, key=rank)[: int(TEST_SHARE * len(groups))])

    def side(group: str) -> Split:
        return fixed.get(group) or ("test" if group in test_groups else "train")

    return [r if r.split is not None else replace(r, split=side(_group_of(r))) for r in records]


def _group_of(record: ImageRecord) -> str:
    return f"part {record.group}" if record.group is not None else f"file {record.sha256}"


def exclude_images(
    dataset: Dataset, exclude: Sequence[str], *, need_normals: bool = True
) -> Dataset:
    """A dataset without some images.

    Args:
        dataset: With them.
        exclude: Their keys.
        need_normals: False accepts that none is left to learn from, as for evaluation.

    Raises:
        OptionError: A key is not in the dataset.
        DatasetError: No normal is left.
    """
    if not exclude:
        return dataset
    known = {record.key for record in dataset.records}
    strange = sorted(set(exclude) - known)
    if strange:
        raise OptionError(
            f"Exclusion '{strange[0]}' is no image of '{dataset.root}' ({len(strange)} such). "
            "Exclusions are paths relative to the dataset, with forward slashes. Correct the list."
        )
    kept = tuple(r for r in dataset.records if r.key not in set(exclude))
    if need_normals and not any(r.split == "train" for r in kept):
        raise DatasetError(
            f"No normal image of '{dataset.root}' is left after {len(set(exclude))} exclusions. At "
            "least one is needed to learn from. Exclude fewer, or add normal images."
        )
    gone = len(dataset.records) - len(kept)
    return replace(dataset, records=kept, excluded=dataset.excluded + gone)


def check_leaks(dataset: Dataset, *, by: Literal["file", "pixels"] = "file") -> None:
    """Refuse a dataset in which one picture is both learned from and tested on.

    Args:
        dataset: What to check.
        by: ``file`` compares the bytes of files (``read_dataset`` has done so); ``pixels``
            decodes every image and also finds copies in another format.

    Raises:
        DatasetError: A picture is in train and test; both are named.
    """
    first_of: dict[str, dict[Split, str]] = defaultdict(dict)
    for record, digest in _digests(dataset.records, by):
        if record.split is not None:
            first_of[digest].setdefault(record.split, record.key)
    for sides in first_of.values():
        if len(sides) == 2:
            raise DatasetError(
                f"'{sides['train']}' (train) and '{sides['test']}' (test) are the same picture. "
                "A test image must not be learned from, or the result is too good. "
                "Remove one of them."
            )


def _digests(
    records: Iterable[ImageRecord], by: Literal["file", "pixels"]
) -> Iterable[tuple[ImageRecord, str]]:
    for record in records:
        yield record, record.sha256 if by == "file" else image_sha256(read_image(record.path))
