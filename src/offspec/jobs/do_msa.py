"""A study of agreement: people by a table or by their reviews, the system by photographs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from offspec.decisions.msa import measure_study
from offspec.decisions.study_files import COLUMNS
from offspec.errors import DatasetError
from offspec.images import atomic_write
from offspec.jobs.kinds import MsaSettings
from offspec.jobs.work import Done, Work, named, payload_done
from offspec.pages.decision_pictures import discordant_pictures
from offspec.pages.document_html import to_html
from offspec.pages.document_pdf import to_pdf
from offspec.pages.msa_page import msa_document
from offspec.store.inspection_figures import Said, reviews_of_parts


def do_msa(work: Work) -> Done:
    """Effectiveness, misses, false alarms and kappa of every appraiser."""
    settings = work.settings()
    assert isinstance(settings, MsaSettings)  # noqa: S101 - for the type checker
    result = measure_study(
        None if work.version is None else work.dataset(),
        bundle=None if work.model is None else work.bundle(work.model),
        verdicts=_verdicts(work, settings),
        confidence=settings.confidence,
        progress=work.pulse.tell,
    )
    model = None if work.model is None else named(work.model)
    payload = {**result.to_dict(), "bundle": model}
    document = msa_document(payload, discordant_pictures(result))
    files = {"msa.html": to_html(document).encode(), "msa.pdf": to_pdf(document)}
    words = (f"verdict: {result.verdict}", *result.notes)
    return payload_done(payload, "msa.json", files, words=words)


def _verdicts(work: Work, settings: MsaSettings) -> Path | None:
    """The table as a file; None = the system alone is studied."""
    if settings.csv is None and not settings.from_reviews:
        return None
    path = work.folder / ("reviews.csv" if settings.from_reviews else "verdicts.csv")
    text = settings.csv
    if text is None:
        with work.database.read() as db:
            text = _table(reviews_of_parts(db, work.project.id))
    atomic_write(path, text.encode("utf-8", "replace"))
    return path


def _table(said: list[Said]) -> str:
    """Reviews as a table of verdicts; trials of one part and person count in order of time.

    Raises:
        DatasetError: No review is of a named part whose state is known.
    """
    known = [one for one in said if one.reference is not None]
    if not known:
        raise DatasetError(
            f"{len(said)} reviews name their part, and of none the true state is known. A study "
            "compares what people said with what the parts are: inspections with a part number, "
            "and labelled images of the same parts. Label them, or give a table of verdicts."
        )
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*COLUMNS, "reference"])
    trials: dict[tuple[str, str], int] = {}
    for one in known:
        key = (one.reviewer, one.part)
        trials[key] = trials.get(key, 0) + 1
        writer.writerow([one.reviewer, one.part, trials[key], one.review, one.reference])
    return out.getvalue()
