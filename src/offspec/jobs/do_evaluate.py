"""Measure a model on test images that it does not know."""

from __future__ import annotations

from offspec.evaluation import EvaluationResult, Figures, evaluate
from offspec.jobs.measured import new_images
from offspec.jobs.work import Done, Work, named
from offspec.json_files import finite, json_bytes
from offspec.machine import describe_machine
from offspec.pages.evaluation_page import write_evaluation_report
from offspec.report_words import headline
from offspec.run_config import EvaluationConfig
from offspec.store.labelling import image_ids


def do_evaluate(work: Work) -> Done:
    """Figures in the row; every image, by its id, in ``evaluation.json``."""
    settings = work.settings()
    assert isinstance(settings, EvaluationConfig)  # noqa: S101 - for the type checker
    assert work.model is not None  # noqa: S101 - refused at submission
    bundle = work.bundle(work.model)
    data, left_out = new_images(work, work.dataset(), bundle)
    asked = settings.figures
    figures = Figures(tuple(asked.false_alarm_levels), asked.confidence, asked.pixel)
    result = evaluate(bundle, data, figures=figures, progress=work.pulse.tell)
    page = work.folder / "report.html"
    write_evaluation_report(page, bundle, result, pictures=settings.report.pictures)
    payload = finite(
        {
            **result.to_dict(),
            "bundle": named(work.model),
            "left_out": left_out,
            "config": settings.model_dump(mode="json"),
            "environment": describe_machine(None),
        }
    )
    _name_images(work, payload["images"])
    files = {"evaluation.json": json_bytes(payload), "report.html": page.read_bytes()}
    short = {key: value for key, value in payload.items() if key != "images"}
    return Done(short, files, words=_words(result))


def _name_images(work: Work, images: list[dict[str, str | None]]) -> None:
    assert work.version is not None  # noqa: S101 - refused at submission
    with work.database.read() as db:
        ids = image_ids(db, work.version)
    for one in images:
        one["image_id"] = ids.get(str(one["image"]))


def _words(result: EvaluationResult) -> tuple[str, ...]:
    unread = (f"not read: {one.key}: {one.message}" for one in result.errors)
    return (*(line.words for line in headline(result.metrics)), *unread)
