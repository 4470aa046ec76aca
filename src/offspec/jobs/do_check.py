"""Look at a dataset version before a fit."""

from __future__ import annotations

from offspec.health import check
from offspec.jobs.kinds import CheckSettings
from offspec.jobs.work import Done, Work, payload_done
from offspec.pages.check_page import check_document
from offspec.pages.document_html import to_html
from offspec.store.labelling import image_ids


def do_check(work: Work) -> Done:
    """Findings, the ids of the images they name, and the page."""
    settings = work.settings()
    assert isinstance(settings, CheckSettings)  # noqa: S101 - for the type checker
    root = work.dataset()
    report = check(
        root,
        template=work.drawn(),
        smallest_defect=settings.smallest_defect,
        seed=settings.seed,
        progress=work.pulse.tell,
    )
    payload = report.to_dict()
    page = to_html(check_document(payload, root, work.project.name))
    with work.database.read() as db:
        assert work.version is not None  # noqa: S101 - refused at submission
        payload["image_ids"] = image_ids(db, work.version)
    words = tuple(one["words"] for one in payload["findings"]) or ("No fault was found.",)
    return payload_done(payload, "check.json", {"check.html": page.encode()}, words=words)
