"""Choose decision points on the test images of a dataset version; makes a new model."""

from __future__ import annotations

from dataclasses import replace

from offspec.datasets import read_dataset
from offspec.decisions.halves import half_of
from offspec.decisions.operating_choice import choose_operating_points
from offspec.decisions.operating_words import claim_words, cost_words, points_words
from offspec.errors import DatasetError
from offspec.jobs.kinds import CalibrateSettings
from offspec.jobs.work import Done, MadeModel, Work
from offspec.json_files import finite, json_bytes
from offspec.pages.calibrate_page import operating_document
from offspec.pages.document_html import to_html


def do_calibrate(work: Work) -> Done:
    """A model with other decision points; images that the old one knows choose nothing."""
    settings = work.settings()
    assert isinstance(settings, CalibrateSettings)  # noqa: S101 - for the type checker
    before = work.bundle(work.model)
    data = read_dataset(work.dataset(), seed=before.manifest.seed, need_normals=False)
    records = tuple(r for r in data.test if r.label is not None)
    if settings.half:
        records = half_of(records, settings.seed)
    if not records:
        raise DatasetError(
            "The dataset version has no labelled test image. Thresholds are chosen on test images. "
            "Make a version with good and defective test images."
        )
    problem = work.problem()
    bundle, result = choose_operating_points(
        before,
        replace(data, records=records),
        settings.asked(None if problem is None else problem.answers),
        progress=work.pulse.tell,
        leave_out=True,
    )
    payload = finite({"operating": result.to_dict()})
    own = payload["operating"]
    page = to_html(operating_document(payload, bundle.manifest.template.name))
    words = (*points_words(own), *claim_words(own), *cost_words(own), *own["warnings"])
    files = {"calibrate.html": page.encode(), "calibrate.json": json_bytes(payload)}
    note = f"Thresholds chosen by {result.rule.replace('_', ' ')}"
    left_out = own["validation"]["left_out"]
    made = MadeModel(bundle, work.model, note)
    return Done({**payload, "left_out": left_out}, files, made, words)
