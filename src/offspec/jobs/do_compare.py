"""Tell whether a new model is not worse than another one."""

from __future__ import annotations

from offspec.decisions.compare import compare
from offspec.jobs.kinds import CompareSettings
from offspec.jobs.measured import new_images
from offspec.jobs.work import Done, Work, named, payload_done
from offspec.pages.compare_page import compare_document
from offspec.pages.decision_pictures import flip_pictures
from offspec.pages.document_html import to_html
from offspec.pages.document_pdf import to_pdf
from offspec.store.labelling import image_ids


def do_compare(work: Work) -> Done:
    """Decision, rates and flips on images that neither model knows."""
    settings = work.settings()
    assert isinstance(settings, CompareSettings)  # noqa: S101 - for the type checker
    assert work.model is not None  # noqa: S101 - refused at submission
    assert work.other is not None  # noqa: S101 - refused at submission
    new, old = work.bundle(work.model), work.bundle(work.other)
    data, left_out = new_images(work, work.dataset(), new, old)
    result = compare(
        old,
        new,
        data,
        margin=settings.margin,
        false_stop_margin=settings.false_stop_margin,
        confidence=settings.confidence,
        progress=work.pulse.tell,
    )
    payload = {**result.to_dict(), "left_out": left_out}
    for side, row in (("old", work.other), ("new", work.model)):
        payload["models"][side] |= named(row)
    assert work.version is not None  # noqa: S101 - refused at submission
    with work.database.read() as db:
        payload["image_ids"] = image_ids(db, work.version)
    document = compare_document(payload, flip_pictures(result))
    files = {"compare.html": to_html(document).encode(), "compare.pdf": to_pdf(document)}
    return payload_done(payload, "compare.json", files, words=tuple(payload["words"]))
