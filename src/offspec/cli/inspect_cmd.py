"""``offspec inspect``: starts fast, so nothing that fits or evaluates is imported here."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offspec.cli.common import (
    EXIT_ERROR,
    JsonOption,
    Output,
    QuietOption,
    ThreadsOption,
    guarded,
    progress,
    result_folder,
)
from offspec.errors import DatasetError, OffspecError

if TYPE_CHECKING:
    from offspec.runtime import Inspector
    from offspec.types import ImageArray, Inspection, Label


@dataclass(frozen=True, slots=True)
class Folders:
    """Where pictures and files of each image go; None = not asked for."""

    overlays: Path | None
    maps: Path | None
    masks: Path | None
    annotations: Path | None

    @property
    def need_map(self) -> bool:
        """Whether anything that was asked for is drawn from the map."""
        return any((self.overlays, self.maps, self.masks))


@guarded
def inspect(
    bundle_file: Annotated[Path, typer.Argument(metavar="BUNDLE")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Files or folders.")],
    overlays: Annotated[
        Path | None, typer.Option("--overlays", help="Folder for pictures with outlines (PNG).")
    ] = None,
    maps: Annotated[
        Path | None,
        typer.Option("--maps", help="Folder for anomaly maps (.npy: float32, H x W, raw units)."),
    ] = None,
    masks: Annotated[
        Path | None, typer.Option("--masks", help="Folder for defect masks (PNG, 255 = defect).")
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option("--annotations", help="Folder for LabelMe-compatible JSON to review."),
    ] = None,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Give verdicts on images; a bad part is exit 0, an unreadable file exit 2 at the end."""
    output = Output(json_file, quiet)
    from offspec.bundle import read_bundle
    from offspec.runtime import Inspector

    paths = _expand(images)
    bundle = read_bundle(bundle_file)
    folders = Folders(
        result_folder(overlays), result_folder(maps), result_folder(masks),
        result_folder(annotations),
    )  # fmt: skip
    inspector = Inspector(bundle, threads=threads)
    results: list[dict[str, Any]] = []
    names = unique_names(paths)
    with progress(quiet or len(paths) == 1) as advance:
        for done, (path, name) in enumerate(zip(paths, names, strict=True), start=1):
            results.append(_inspect_one(inspector, path, name, folders))
            advance("inspect", done, len(paths))
    for result in results:
        output.say(_line(result))
    output.write_json(results)
    failed = [result for result in results if "error" in result]
    for result in failed:
        error = result["error"]
        sys.stderr.write(f"error [{error['code']}]: {result['image']}: {error['message']}\n")
    if failed:
        raise typer.Exit(EXIT_ERROR)


def _expand(paths: list[Path]) -> list[Path]:
    """Replace folders by their images; a missing file stays and becomes an error of its own."""
    from offspec.images import image_files

    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = image_files(path)
        if not inside:
            raise DatasetError(
                f"Folder '{path}' holds no image. PNG, JPEG, BMP and TIFF are read; subfolders "
                "are not searched. Name a folder of images, or the files."
            )
        found += inside
    return found


def unique_names(paths: list[Path]) -> list[str]:
    """File stems for results; a stem that occurs again gets its suffix, then a number."""
    taken: set[str] = set()
    names: list[str] = []
    for path in paths:
        name = path.stem
        if name.casefold() in taken:
            name = path.name.replace(".", "_")
        base, number = name, 2
        while name.casefold() in taken:
            name, number = f"{base}-{number}", number + 1
        taken.add(name.casefold())
        names.append(name)
    return names


def _inspect_one(inspector: Inspector, path: Path, name: str, folders: Folders) -> dict[str, Any]:
    from offspec.images import read_image

    try:
        image = read_image(path)
        inspection = inspector.inspect(image, with_map=folders.need_map)
        files = _write_files(image, inspection, path, name, folders)
    except OffspecError as error:
        return {"image": str(path), "error": {"code": error.code, "message": str(error)}}
    except Exception as error:  # noqa: BLE001 - a fault of ours must not cost the other images
        traceback.print_exc()
        words = f"{type(error).__name__}: {error}. This is a fault in offspec; please report it."
        return {"image": str(path), "error": {"code": "internal", "message": words}}
    return {"image": str(path), **inspection.to_dict(), **({"files": files} if files else {})}


def _write_files(
    image: ImageArray,
    inspection: Inspection,
    path: Path,
    name: str,
    folders: Folders,
) -> dict[str, str]:
    from offspec.images import write_png

    files: dict[str, str] = {}
    if folders.overlays is not None:
        from offspec.overlays import overlay

        target = folders.overlays / f"{name}.png"
        write_png(target, overlay(image, inspection))
        files["overlay"] = target.as_posix()
    if folders.maps is not None and inspection.anomaly_map is not None:
        target = folders.maps / f"{name}.npy"
        _write_npy(target, inspection)
        files["map"] = target.as_posix()
    if folders.masks is not None and inspection.mask is not None:
        target = folders.masks / f"{name}.png"
        write_png(target, inspection.mask)
        files["mask"] = target.as_posix()
    if folders.annotations is not None:
        target = folders.annotations / f"{name}.json"
        _write_annotation(target, image, inspection, path)
        files["annotation"] = target.as_posix()
    return files


def _write_npy(target: Path, inspection: Inspection) -> None:
    import io

    import numpy as np

    from offspec.images import atomic_write

    buffer = io.BytesIO()
    assert inspection.anomaly_map is not None  # noqa: S101 - the caller checked
    np.save(buffer, inspection.anomaly_map, allow_pickle=False)
    atomic_write(target, buffer.getvalue())


def _write_annotation(target: Path, image: ImageArray, inspection: Inspection, path: Path) -> None:
    """A sidecar a person can correct: verdicts and outlines as the model sees them."""
    from offspec.annotations import Annotation, DefectShape, write_annotation

    known: dict[str, Label] = {"ok": "ok", "ng": "ng"}  # a person decides on review and invalid
    verdicts = {r.id: known[r.verdict] for r in inspection.regions if r.verdict in known}
    defects = tuple(
        DefectShape(label="defect", points_xy=defect.polygon, region_id=region.id)
        for region in inspection.regions
        for defect in region.defects
    )
    annotation = Annotation(
        image_name=path.name,
        size_wh=(image.shape[1], image.shape[0]),
        verdicts=verdicts,
        defects=defects,
    )
    write_annotation(target, annotation)


def _line(result: dict[str, Any]) -> str:
    """One line for people: verdict, score, image, what was found."""
    if "error" in result:
        return f"error    -      {result['image']}"
    score = result["deviation_score"]
    shown = "  -  " if score is None else f"{score:.3f}"
    defects = sum(len(region["defects"]) for region in result["regions"])
    chance = result["defect_probability"]
    note = "" if chance is None else f"  {100 * chance:.3g} % probably defective"
    note += f"  {defects} defect(s) outlined" if defects else ""
    reasons = {r["reason"]["code"] for r in result["regions"] if r["reason"] is not None}
    note += f"  ({', '.join(sorted(reasons))})" if reasons else ""
    return f"{result['verdict']:<8} {shown}  {result['image']}{note}"
