"""``offspec augment``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from offspec.cli.common import JsonOption, Output, QuietOption, check_target, guarded, progress

AugmentOption = Annotated[
    list[str] | None,
    typer.Option(
        "--augment",
        metavar="NAME=AMOUNT",
        help="Learn from copies of normals too, such as shift=2 or mirror=horizontal; repeatable. "
        "Names: shift, rotation, mirror, brightness, contrast, colour, blur, noise, copies.",
    ),
]


@guarded
def augment(
    dataset: Annotated[Path, typer.Argument(help="A folder of images, as for fit.")],
    out: Annotated[Path, typer.Option("--out", help="The picture to write, preview.png.")],
    augmentation: AugmentOption = None,
    template: Annotated[
        Path | None, typer.Option("--template", help="template.json; default: the whole image.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="run.json, as for fit; --augment wins.")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="The region to show; default: the first.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Default 0.")] = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Draw what augmentation would have a model take for normal, and say what is refused."""
    output = Output(json_file, quiet)
    check_target(out)
    from offspec.augment import parse_augmentation
    from offspec.augment_refusals import refusals
    from offspec.augment_view import draw_augmentation
    from offspec.crossfit import Learner
    from offspec.errors import OptionError
    from offspec.fit_plan import plan
    from offspec.images import write_png
    from offspec.run_config import RunConfig, read_run_config

    settings = (RunConfig() if config is None else read_run_config(config)).to_fit()
    wanted = parse_augmentation(augmentation or [], settings.augmentation)
    if not wanted.count:
        raise OptionError(
            "No augmentation is asked for. A preview shows at least one kind. Add one, such as "
            "--augment shift=2."
        )
    settings = replace(settings, augmentation=wanted, seed=settings.seed if seed is None else seed)
    with progress(quiet) as report:
        job = plan(dataset, template, settings, report)
        refused = refusals(job, Learner(job).sampler)
    sheet = draw_augmentation(job, refused, region)
    write_png(out, sheet)
    output.say(f"Wrote {out}: {wanted.words()}; {wanted.count} copies of each normal image.")
    for message in refused.values():
        output.say(f"refused: {message}")
    result: dict[str, Any] = {
        "picture": out.as_posix(),
        "size_wh": [sheet.shape[1], sheet.shape[0]],
        "augmentation": wanted.model_dump(mode="json"),
        "accepted": not refused,
        "refused": [{"kind": kind, "message": text} for kind, text in refused.items()],
    }
    output.write_json(result)
