"""``offspec template new | show | split | validate``."""

from __future__ import annotations

import base64
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from offspec.cli.common import (
    JsonOption,
    Output,
    QuietOption,
    check_target,
    choice,
    guarded,
)
from offspec.errors import OptionError, WriteError
from offspec.types import Kind, Mode, PointsXY, Resolution, SizePolicy

if TYPE_CHECKING:
    from offspec.template import AlignSettings, Region, Template

app = typer.Typer(
    help="Draw, show, split and check a template.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("new")
@guarded
def new(  # noqa: PLR0913, PLR0917 - a command line has as many options as it has
    image: Annotated[Path, typer.Argument(help="The reference image: one good part.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Default: template.json beside the image.")
    ] = None,
    rect: Annotated[
        list[str] | None, typer.Option("--rect", metavar="X,Y,W,H", help="A rectangular region.")
    ] = None,
    polygon: Annotated[
        list[str] | None,
        typer.Option("--polygon", metavar="X,Y,X,Y,...", help="A region of three or more points."),
    ] = None,
    ellipse: Annotated[
        list[str] | None,
        typer.Option("--ellipse", metavar="X,Y,W,H", help="An elliptic region, by its box."),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", help="Names in order: rectangles, then polygons, then ellipses."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            metavar="[REGION=]X,Y,W,H",
            help="A rectangle never judged, in one region or in every region it touches.",
        ),
    ] = None,
    mode: Annotated[str, typer.Option("--mode", help="image or pixel.")] = "pixel",
    kind: Annotated[str, typer.Option("--kind", help="auto, object or texture.")] = "auto",
    resolution: Annotated[
        str, typer.Option("--resolution", help="auto, fast (256), accurate (512) or native.")
    ] = "auto",
    smallest_defect: Annotated[
        float, typer.Option("--smallest-defect", help="Width of the smallest defect, in pixels.")
    ] = 16.0,
    size_policy: Annotated[
        str, typer.Option("--size-policy", help="exact, scale or fit.")
    ] = "exact",
    align: Annotated[
        str, typer.Option("--align", help="auto, none, shift, similarity or homography.")
    ] = "auto",
    max_shift: Annotated[
        float | None, typer.Option("--max-shift", help="Allowed shift in pixels.")
    ] = None,
    max_rotation: Annotated[
        float, typer.Option("--max-rotation", help="Allowed rotation in degrees.")
    ] = 10.0,
    where: Annotated[
        str | None, typer.Option("--align-where", metavar="X,Y,W,H", help="Where to look.")
    ] = None,
    refine_regions: Annotated[
        bool, typer.Option("--refine-regions", help="Shift every region once more on its own.")
    ] = False,
    json_file: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write template.json for a reference image; without a region, one over the whole image."""
    from offspec.template import new_template, write_template

    output = Output(json_file, quiet)
    target = out if out is not None else image.parent / "template.json"
    check_target(target)
    drawn = _regions(
        _shapes(rect, polygon, ellipse),
        name or [],
        cast("Kind", choice(kind, get_args(Kind), "--kind")),
        cast("Resolution", choice(resolution, get_args(Resolution), "--resolution")),
    )
    template = new_template(
        image,
        regions=_exclude(drawn, exclude or []),
        mode=cast("Mode", choice(mode, get_args(Mode), "--mode")),
        alignment=_alignment(align, max_shift, max_rotation, where, refine_regions=refine_regions),
        size_policy=cast("SizePolicy", choice(size_policy, get_args(SizePolicy), "--size-policy")),
        smallest_defect_px=smallest_defect,
    )
    if not drawn:
        whole = replace(
            template.regions[0],
            kind=cast("Kind", choice(kind, get_args(Kind), "--kind")),
            resolution=cast("Resolution", choice(resolution, get_args(Resolution), "--resolution")),
        )
        template = replace(template, regions=_exclude([whole], exclude or []))
    _copy_reference(image, target)
    write_template(target, template)
    output.say(f"Wrote {target}: {len(template.regions)} region(s) on {image.name}.")
    _print_plans(output, template)
    output.write_json(template.to_dict())


@app.command("show")
@guarded
def show(
    template_file: Annotated[Path, typer.Argument(metavar="TEMPLATE")],
    out: Annotated[
        Path | None, typer.Option("--out", help="PNG or SVG; default: template.svg beside it.")
    ] = None,
    json_file: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Draw a template as a picture and list its regions."""
    from offspec.images import atomic_write, encode_png, read_image
    from offspec.template import read_template
    from offspec.template_view import draw_template

    output = Output(json_file, quiet)
    target = out if out is not None else template_file.with_suffix(".svg")
    check_target(target)
    template = read_template(template_file)
    reference = template_file.parent / template.reference_file
    if target.exists() and target.samefile(reference):
        raise OptionError(
            f"--out '{target}' is the reference itself. The picture would destroy it. "
            "Name another file."
        )
    picture = draw_template(read_image(reference), template)
    png = encode_png(picture)
    svg = target.suffix.lower() == ".svg"
    atomic_write(target, _wrap_svg(png, picture.shape[1], picture.shape[0]) if svg else png)
    output.say(f"Drew {target}.")
    _print_plans(output, template)
    output.write_json({"picture": target.as_posix(), "template": template.to_dict()})


def _wrap_svg(png: bytes, width: int, height: int) -> bytes:
    """A picture no dataset reader takes for one more image of a part."""
    data = base64.b64encode(png).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{data}"/></svg>\n'
    ).encode()


@app.command("split")
@guarded
def split(
    template_file: Annotated[Path, typer.Argument(metavar="TEMPLATE")],
    region: Annotated[
        str | None, typer.Option("--region", help="Only this region (id or name).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the split template; default: only print.")
    ] = None,
    json_file: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Cut regions that would be shrunk too far; prints the proposal, writes it with --out."""
    from offspec.template import read_template, split_template, write_template

    output = Output(json_file, quiet)
    if out is not None:
        check_target(out)
    template = read_template(template_file)
    parts = split_template(template, region)
    if parts == template:
        output.say("Nothing to split: no region is shrunk so far that a split would help.")
    else:
        output.say(f"{len(template.regions)} region(s) become {len(parts.regions)}.")
    _print_plans(output, parts)
    if out is not None:
        _copy_reference(template_file.parent / template.reference_file, out)
        write_template(out, parts)
        output.say(f"Wrote {out}.")
    output.write_json(parts.to_dict())


@app.command("validate")
@guarded
def validate(
    template_file: Annotated[Path, typer.Argument(metavar="TEMPLATE")],
    json_file: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Check every rule of a template and that its reference has not changed."""
    from offspec.template import read_template

    output = Output(json_file, quiet)
    template = read_template(template_file)
    output.say(f"{template_file} is valid: {len(template.regions)} region(s).")
    _print_plans(output, template)
    output.write_json({"valid": True, "plans": _plans(template)})


def _plans(template: Template) -> list[dict[str, object]]:
    from offspec.template import plan_resolution

    rows: list[dict[str, object]] = []
    for region in template.regions:
        plan = plan_resolution(region, template.smallest_defect_px)
        rows.append(
            {
                "id": region.id,
                "name": region.name,
                "shape": region.shape,
                "bounds_xywh": list(region.bounds_xywh),
                "resolution": plan.resolution,
                "net_hw": list(plan.net_hw),
                "defect_px": round(plan.defect_px, 2),
                "shrunk": plan.shrunk,
                "message": plan.message,
            }
        )
    return rows


def _print_plans(output: Output, template: Template) -> None:
    rows = _plans(template)
    output.table(
        ["region", "shape", "x,y,w,h", "resolution", "defect net px"],
        [
            [r["id"], r["shape"], ",".join(map(str, cast("list[int]", r["bounds_xywh"]))),
             r["resolution"], r["defect_px"]]
            for r in rows
        ],
    )  # fmt: skip
    for row in rows:
        if row["message"]:
            output.say(f"note: {row['message']}")


def numbers(text: str, option: str, count: int | None = None) -> list[float]:
    """Parse comma-separated numbers.

    Raises:
        OptionError: Not numbers, or not as many as asked for.
    """
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    good = len(values) == count if count is not None else len(values) >= 6 and len(values) % 2 == 0
    if not good:
        rule = f"{count} numbers" if count is not None else "x,y pairs, three or more"
        raise OptionError(
            f"Option {option} has the value '{text}'. It needs {rule}, separated by commas, in "
            "pixels of the image. Write for example 10,20,100,80."
        )
    return values


def _box(text: str, option: str) -> PointsXY:
    x, y, w, h = numbers(text, option, 4)
    return (x, y), (x + w, y + h)


def _shapes(
    rect: list[str] | None, polygon: list[str] | None, ellipse: list[str] | None
) -> list[tuple[str, PointsXY]]:
    shapes: list[tuple[str, PointsXY]] = [("rectangle", _box(t, "--rect")) for t in rect or []]
    for text in polygon or []:
        flat = numbers(text, "--polygon")
        shapes.append(("polygon", tuple(zip(flat[::2], flat[1::2], strict=True))))
    shapes += [("ellipse", _box(t, "--ellipse")) for t in ellipse or []]
    return shapes


def _regions(
    shapes: list[tuple[str, PointsXY]], names: list[str], kind: Kind, resolution: Resolution
) -> list[Region]:
    from offspec.template import Region, Shape

    if len(names) > len(shapes):
        raise OptionError(
            f"{len(names)} names were given for {len(shapes)} regions. Each --name belongs to one "
            "--rect, --polygon or --ellipse, in that order. Remove a name or draw a region."
        )
    regions: list[Region] = []
    for index, (shape, points) in enumerate(shapes):
        label = names[index] if index < len(names) else f"region-{index + 1}"
        slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", label).strip("-_.")[:64] or f"region-{index + 1}"
        regions.append(
            Region(
                id=slug,
                name=label,
                shape=cast("Shape", shape),
                points_xy=points,
                kind=kind,
                resolution=resolution,
            )
        )
    return regions


def _exclude(regions: list[Region], texts: list[str]) -> tuple[Region, ...]:
    from offspec.template import Exclusion

    for text in texts:
        owner, _, box = text.rpartition("=")
        hole = Exclusion("rectangle", _box(box, "--exclude"))
        if owner and owner not in {key for r in regions for key in (r.id, r.name)}:
            known = ", ".join(r.id for r in regions)
            raise OptionError(
                f"Option --exclude names region '{owner}', which is not drawn. Drawn: {known}. "
                "Use one of them, or leave the name out."
            )
        regions = [
            replace(r, exclusions=(*r.exclusions, hole))
            if owner in (r.id, r.name) or (not owner and _touch(r, hole.points_xy))
            else r
            for r in regions
        ]
    return tuple(regions)


def _touch(region: Region, corners: PointsXY) -> bool:
    x, y, w, h = region.bounds_xywh
    (x0, y0), (x1, y1) = corners
    return x0 < x + w and x < x1 and y0 < y + h and y < y1


def _alignment(
    mode: str,
    max_shift: float | None,
    max_rotation: float,
    where: str | None,
    *,
    refine_regions: bool,
) -> AlignSettings:
    from offspec.template import ALIGN_CHOICES, AlignChoice, AlignSettings

    box = None if where is None else numbers(where, "--align-where", 4)
    return AlignSettings(
        mode=cast("AlignChoice", choice(mode, ALIGN_CHOICES, "--align")),
        max_shift_px=max_shift,
        max_rotation_deg=max_rotation,
        where_xywh=None if box is None else (box[0], box[1], box[2], box[3]),
        refine_regions=refine_regions,
    )


def _copy_reference(image: Path, template_file: Path) -> None:
    """A reference lies beside its template; copy it when it does not yet."""
    beside = template_file.absolute().parent / image.name
    if beside.exists():
        if not beside.samefile(image) and beside.read_bytes() != image.read_bytes():
            raise WriteError(
                f"'{beside}' exists and is another image than '{image}'. The reference lies beside "
                "its template under its own name. Write the template into another folder."
            )
        return
    try:
        shutil.copyfile(image, beside)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise WriteError(
            f"'{image}' cannot be copied to '{beside}': {error.strerror or error}. The reference "
            "lies beside its template. Write the template into the image's folder."
        ) from error
