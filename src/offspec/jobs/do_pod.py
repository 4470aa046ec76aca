"""Make defects in good images and see from which size on a model finds them."""

from __future__ import annotations

from offspec.decisions.pod import probability_of_detection
from offspec.jobs.kinds import PodSettings
from offspec.jobs.work import Done, Work, named, payload_done
from offspec.pages.document_html import to_html
from offspec.pages.document_pdf import to_pdf
from offspec.pages.pod_page import pod_document


def do_pod(work: Work) -> Done:
    """Curves and maps of every region."""
    settings = work.settings()
    assert isinstance(settings, PodSettings)  # noqa: S101 - for the type checker
    assert work.model is not None  # noqa: S101 - refused at submission
    bundle = work.bundle(work.model)
    result = probability_of_detection(
        bundle, work.dataset(), **settings.model_dump(), progress=work.pulse.tell
    )
    payload = {**result.to_dict(), "bundle": named(work.model)}
    document = pod_document(payload, reference=bundle.reference, examples=result.examples())
    files = {"pod.html": to_html(document).encode(), "pod.pdf": to_pdf(document)}
    words = (f"{result.trials} defects made in {result.seconds:.0f} s.", *result.notes())
    return payload_done(payload, "pod.json", files, words=words)
