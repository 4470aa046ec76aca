"""``offspec demo``: the whole job on the practice product, in one command."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offspec.cli.common import (
    JsonOption,
    Output,
    QuietOption,
    ThreadsOption,
    guarded,
    progress,
    result_folder,
)

if TYPE_CHECKING:
    from offspec.evaluation import EvaluationItem, EvaluationResult


@guarded
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for everything.")] = Path(
        "demo-output"
    ),
    images: Annotated[int, typer.Option("--images", help="Practice pictures, 8 or more.")] = 11,
    false_alarm_rate: Annotated[
        float, typer.Option("--false-alarm-rate", help="Share of good images that may be stopped.")
    ] = 0.01,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Draw a practice product, fit, evaluate, and show what was found."""
    output = Output(json_file, quiet)
    from offspec.bundle import write_bundle
    from offspec.cli.evaluate_cmd import describe_result
    from offspec.evaluation import evaluate
    from offspec.fitting import FitConfig, fit
    from offspec.pages.evaluation_page import write_evaluation_report
    from offspec.practice import make_practice

    result_folder(out)
    dataset, bundle_file = out / "practice", out / "practice.offspec"
    start = time.perf_counter()
    with progress(quiet) as advance:
        make_practice(dataset, images, seed, advance)
        _remove_leftovers(dataset, images)
        config = FitConfig(false_alarm_rate=false_alarm_rate, seed=seed, threads=threads)
        template = dataset / "template.json"
        bundle = fit(dataset, template=template, config=config, progress=advance)
        write_bundle(bundle, bundle_file)
        result = evaluate(bundle, dataset, threads=threads, progress=advance)
        report = out / "report.html"
        write_evaluation_report(report, bundle, result, threads=threads)
        pictures = _write_overlays(result, out / "overlays")
    seconds = time.perf_counter() - start
    output.say(f"Practice product: {images} drawn pictures in {dataset}, done in {seconds:.1f} s.")
    output.say("It is for learning the commands; figures on it are no claim about real parts.")
    output.say()
    for item in result.items:
        output.say(_line(item, pictures.get(item.key)))
    output.say()
    describe_result(output, result)
    output.say()
    output.say(bundle.manifest.calibration.words)
    _next_steps(output, out, report, pictures)
    output.write_json(
        {
            "folder": out.as_posix(),
            "dataset": dataset.as_posix(),
            "bundle": bundle_file.as_posix(),
            "report": report.as_posix(),
            "pictures": pictures,
            "seconds": round(seconds, 2),
            "evaluation": result.to_dict(),
        }
    )


def _remove_leftovers(dataset: Path, images: int) -> None:
    """Drop boards of an earlier, larger demo: they would count as part of this one."""
    for path in dataset.glob("board_[0-9][0-9][0-9]*.*"):
        number = path.stem.removeprefix("board_")
        if number.isdigit() and int(number) >= images and path.suffix in (".png", ".json"):
            path.unlink()


def _write_overlays(result: EvaluationResult, folder: Path) -> dict[str, str]:
    """Draw every stopped or defective test picture."""
    from offspec.images import read_image, write_png
    from offspec.overlays import overlay

    result_folder(folder)
    written: dict[str, str] = {}
    for item in result.items:
        if item.stopped or item.label == "ng":
            target = folder / f"{item.path.stem}.png"
            write_png(target, overlay(read_image(item.path), item.inspection, item.gt_mask))
            written[item.key] = target.as_posix()
    return written


def _line(item: EvaluationItem, picture: str | None) -> str:
    score: Any = item.inspection.deviation_score
    shown = "  -  " if score is None else f"{score:.3f}"
    truth = "good" if item.label == "ok" else "defective"
    where = "" if picture is None else f"  -> {picture}"
    return f"{item.inspection.verdict:<8} {shown}  {item.key} (truly {truth}){where}"


def _next_steps(output: Output, out: Path, report: Path, pictures: dict[str, str]) -> None:
    output.say()
    output.say("What to look at next:")
    if pictures:
        output.say(f"  1. a defect, outlined:   {next(iter(pictures.values()))}")
    output.say(f"  2. the report:           {report}")
    me = _program()
    output.say(f"  3. the template, drawn:  {me} template show {out / 'practice/template.json'}")
    output.say(f"  4. your own parts:       {me} fit FOLDER --out part.offspec")
    output.say(f"                           {me} inspect part.offspec IMAGE --overlays found")


def _program() -> str:
    """How to call offspec from here: by name where it is on the path, else by its place."""
    if shutil.which("offspec"):
        return "offspec"
    beside = Path(sys.executable).parent / "offspec"
    return os.path.relpath(beside) if beside.is_file() else f"{sys.executable} -m offspec.cli"
