"""How folders are laid out: finds images, labels, masks and annotations without decoding.

Three layouts beside annotation files: MVTec AD (``train/good``, ``test/<type>``,
``ground_truth/<type>``), normal and defect folders (``good`` and ``bad``), and a plain folder
in which every image is good.
"""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from offspec.annotations import WHOLE_IMAGE, Annotation, read_annotation, sidecar_path
from offspec.errors import AnnotationError, DatasetError
from offspec.images import IMAGE_SUFFIXES, image_files
from offspec.types import Label, Split

Layout = Literal["mvtec", "sidecar", "folders", "plain", "coco"]

NORMAL_NAMES = frozenset({"good", "ok", "normal", "normals"})
DEFECT_NAMES = frozenset(
    {"bad", "ng", "nok", "defect", "defects", "defective", "anomaly", "anomalies", "anomalous"}
    | {"abnormal", "fail", "fault"}
)
MASK_NAMES = ("ground_truth", "masks", "mask")
RESERVED_SIDECARS = frozenset({"template.json"})
"""JSON files of ours that may share a stem with an image and are no annotation."""

ACCEPTED = (
    "Accepted are: train/good with test/<type> and ground_truth/<type> (MVTec); images with a "
    "LabelMe JSON beside each; folders good (or ok, normal) and bad (or ng, defect, anomaly); "
    "a plain folder of good images."
)


@dataclass(frozen=True, slots=True)
class Found:
    """One image as the layout sees it, before hashing and splitting.

    Attributes:
        label: None = unlabelled.
        split: None = to be drawn by seed and hash.
    """

    path: Path
    label: Label | None
    split: Split | None
    defect_type: str
    mask_path: Path | None = None
    annotation: Annotation | None = None


@dataclass(frozen=True, slots=True)
class AnnotationFault:
    """An image whose annotation file is malformed."""

    path: Path
    message: str


_Read = Callable[[Path], Annotation | None]


def find_images(
    root: Path, faults: list[AnnotationFault] | None = None
) -> tuple[Layout, list[Found]]:
    """Recognise the layout of a folder and list its images.

    Args:
        root: The folder.
        faults: Where malformed annotation files are put; such an image has no annotation then.
            None = they are errors.

    Raises:
        DatasetError: Not a folder, no layout fits, or the layout contradicts itself.
        AnnotationError: An annotation file is malformed.
    """
    read = _annotation_of if faults is None else functools.partial(_or_fault, faults)
    if not root.is_dir():
        raise DatasetError(f"'{root}' is not a folder. A dataset is a folder of images. {ACCEPTED}")
    children = {p.name.lower(): p for p in _subfolders(root)}
    train_names = {p.name.lower() for p in _subfolders(children.get("train"))}
    if "test" in children or train_names & NORMAL_NAMES:
        return "mvtec", list(_mvtec(children, read))
    if children.keys() & NORMAL_NAMES:
        return "folders", list(_folders(children, read))
    images = list(_walk(root))
    if any(_sidecar_of(p) is not None for p in images):
        return "sidecar", _sidecars(images, read)
    top_level = image_files(root)
    if top_level:
        return "plain", [Found(p, "ok", "train", "good") for p in top_level]
    raise DatasetError(f"Folder '{root}' fits no dataset layout ({len(images)} images). {ACCEPTED}")


# --- MVTec ---


def _mvtec(children: dict[str, Path], read: _Read) -> Iterator[Found]:
    truth = children.get("ground_truth")
    for folder in _subfolders(children.get("train")):
        images = image_files(folder)
        if images and folder.name.lower() not in NORMAL_NAMES:
            raise DatasetError(
                f"'{folder}' holds {len(images)} images in the training folder. train holds only "
                "'good', because models learn from good parts. Move the folder to test."
            )
        for path in images:
            yield Found(path, "ok", "train", "good", None, read(path))
    for folder in _subfolders(children.get("test")):
        if folder.name.lower() in NORMAL_NAMES:
            for path in image_files(folder):
                yield Found(path, "ok", "test", "good", None, read(path))
        else:
            mask_folders = [] if truth is None else [truth / folder.name]
            found = list(_defect_folder(folder, mask_folders, read))
            _check_mask_names(found, mask_folders)
            yield from found


def _check_mask_names(found: list[Found], mask_folders: list[Path]) -> None:
    """Masks of which none fits an image are misnamed; ignoring them would lose them silently."""
    strays = [p for m in mask_folders if m.is_dir() for p in image_files(m)]
    if found and strays and all(f.mask_path is None for f in found):
        raise DatasetError(
            f"No mask in '{strays[0].parent}' fits an image: there is '{strays[0].name}', and "
            f"'{found[0].path.name}' needs '{found[0].path.stem}_mask.png'. Rename the masks."
        )


def _defect_folder(folder: Path, mask_folders: list[Path], read: _Read) -> Iterator[Found]:
    images = image_files(folder)
    stems = {p.stem for p in images}
    images = [p for p in images if not _is_mask_beside(p, stems)]
    masks = _masks(images, [folder, *mask_folders])
    for path in images:
        yield Found(path, "ng", "test", folder.name, masks.get(path), read(path))


def _is_mask_beside(path: Path, stems: set[str]) -> bool:
    return path.stem.endswith("_mask") and path.stem.removesuffix("_mask") in stems


def _masks(images: list[Path], folders: list[Path]) -> dict[Path, Path]:
    """Mask of each image: ``<stem>_mask.*`` anywhere, or ``<stem>.*`` in a folder of masks."""
    by_stem: dict[str, Path] = {}
    own_folder = folders[0]
    for folder in folders:
        for path in image_files(folder) if folder.is_dir() else []:
            if path.stem.endswith("_mask"):
                by_stem.setdefault(path.stem.removesuffix("_mask"), path)
            elif folder != own_folder:
                by_stem.setdefault(path.stem, path)
    return {p: by_stem[p.stem] for p in images if p.stem in by_stem}


# --- normal and defect folders ---


def _folders(children: dict[str, Path], read: _Read) -> Iterator[Found]:
    mask_roots = [children[name] for name in MASK_NAMES if name in children]
    for name, folder in children.items():
        if folder in mask_roots:
            continue
        if name in NORMAL_NAMES:
            for path in image_files(folder):
                yield Found(path, "ok", None, "good", None, read(path))
        elif name in DEFECT_NAMES:
            for typed in [folder, *_subfolders(folder)]:
                candidates = [m / typed.name for m in mask_roots] + mask_roots
                yield from _defect_folder(typed, candidates, read)
        elif image_files(folder):
            raise DatasetError(
                f"Folder '{folder}' holds images and its name says neither normal nor defect. "
                f"Beside '{sorted(children.keys() & NORMAL_NAMES)[0]}' these are known: "
                f"{', '.join(sorted(DEFECT_NAMES))} (defect types as folders inside). "
                "Rename the folder or move it out of the dataset."
            )


# --- annotation files ---


def _sidecars(images: list[Path], read: _Read) -> list[Found]:
    per_sidecar = Counter(sidecar_path(p) for p in images)
    found: list[Found] = []
    for path in images:
        annotation = read(path)
        shared = per_sidecar[sidecar_path(path)] > 1
        if annotation is not None and shared and annotation.image_name != path.name:
            annotation = None
        label = None if annotation is None else annotation.label
        split = None if annotation is None else annotation.split
        if annotation is not None and split == "train" and "ng" in annotation.verdicts.values():
            raise DatasetError(
                f"'{path}' is marked NG and split 'train'. Models learn from good parts only. "
                "Set the split to 'test' or correct the verdict."
            )
        if label == "ng":
            split = split or "test"
        found.append(Found(path, label, split, _defect_type(annotation), None, annotation))
    return found


def _defect_type(annotation: Annotation | None) -> str:
    """The commonest defect label (first in order on a tie); ``defect`` when only judged NG."""
    if annotation is None or annotation.label != "ng":
        return "good"
    labels = Counter(d.label for d in annotation.defects if d.label)
    return labels.most_common(1)[0][0] if labels else "defect"


def _sidecar_of(image: Path) -> Path | None:
    sidecar = sidecar_path(image)
    return sidecar if sidecar.name not in RESERVED_SIDECARS and sidecar.is_file() else None


def _annotation_of(image: Path) -> Annotation | None:
    sidecar = _sidecar_of(image)
    return None if sidecar is None else read_annotation(sidecar)


def _or_fault(faults: list[AnnotationFault], image: Path) -> Annotation | None:
    """The annotation, or its fault in the list."""
    try:
        return _annotation_of(image)
    except AnnotationError as error:
        faults.append(AnnotationFault(image, str(error)))
        return None


def check_agreement(found: Sequence[Found]) -> None:
    """Refuse an annotation that says another thing than the folder its image lies in.

    Training images are looked at more closely by a fit, which knows the regions.

    Raises:
        DatasetError: They contradict; names the first.
    """
    for one in found:
        annotation = one.annotation
        if one.split == "train" or annotation is None or annotation.label in {None, one.label}:
            continue
        verdict = "whole image" if WHOLE_IMAGE in annotation.verdicts else "image"
        raise DatasetError(
            f"'{one.path}' lies in a folder of '{one.label}' images and its annotation says the "
            f"{verdict} is '{annotation.label}'. Both must agree. Move the image or correct the "
            "annotation."
        )


# --- folders ---


def _subfolders(folder: Path | None) -> list[Path]:
    """Visible subfolders in order of name; none when there is no such folder."""
    if folder is None or not folder.is_dir():
        return []
    try:
        found = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")]
    except OSError as error:
        raise DatasetError(
            f"Folder '{folder}' cannot be listed: {error.strerror}. A readable folder is needed. "
            "Check its rights."
        ) from error
    return sorted(found, key=lambda p: p.name)


def _walk(root: Path) -> Iterator[Path]:
    """Images of a folder and its visible subfolders, sorted; links to folders are not followed."""
    for folder, subfolders, names in os.walk(root, followlinks=False):
        subfolders[:] = sorted(s for s in subfolders if not s.startswith("."))
        if any(Path(n).suffix.lower() in IMAGE_SUFFIXES for n in names):
            yield from image_files(Path(folder))
