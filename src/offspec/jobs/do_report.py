"""Join what other jobs found out about a model into a report to sign."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from offspec.bundle import Bundle
from offspec.datasets import Dataset, read_dataset
from offspec.errors import DatasetError, OptionError
from offspec.evaluation import without_learned
from offspec.jobs.kinds import PARTS, ReportSettings
from offspec.jobs.work import Done, Work, bundle_name, named, payload_done
from offspec.machine import describe_machine
from offspec.pages.document_html import to_html
from offspec.pages.document_pdf import to_pdf
from offspec.pages.quality_joined import check_part, measured
from offspec.pages.quality_page import ROLES, Parts, quality_document
from offspec.store.models import JobRow

_FILES = {"evaluate": "evaluation.json"}  # of the others it is <kind>.json


def do_report(work: Work) -> Done:
    """The report as PDF and HTML, and its figures as JSON."""
    settings = work.settings()
    assert isinstance(settings, ReportSettings)  # noqa: S101 - for the type checker
    assert work.model is not None  # noqa: S101 - refused at submission
    bundle = work.bundle(work.model)
    root = None if work.version is None else work.dataset()
    found = {name: _part(work, name, job_id) for name, job_id in settings.parts.items()}
    for name, payload in found.items():
        where = Path(f"job {settings.parts[name]}")
        check_part(bundle, name, payload, where, root, work.model.bundle_sha256)
    known = 0
    if root is not None:
        data, known = _unknown(bundle, root)
        found |= measured(bundle, data, found, left_out=known, progress=work.pulse.tell)
    left_out = found.get("evaluation", {}).get("left_out", known)
    machine = describe_machine(None)
    document = quality_document(
        bundle,
        Parts(
            **found,
            problem=work.problem(),
            root=root,
            left_out=left_out,
            roles=tuple(settings.roles) if settings.roles else ROLES,
        ),
        title=settings.title or work.project.name,
        machine=f"{machine['machine']}, {machine['threads']} threads",
        file=bundle_name(work.model),
        sha256=work.model.bundle_sha256,
    )
    document = replace(document, subtitle=f"{document.subtitle}. {_made(work)}")
    work.pulse.tell("write", 0, 1)
    files = {"report.html": to_html(document).encode(), "report.pdf": to_pdf(document)}
    payload = {
        "title": document.title,
        "bundle": named(work.model),
        "parts": sorted(found),
        "left_out": left_out,
        "environment": machine,
    }
    return payload_done(payload, "report.json", files, words=(f"Joined: {', '.join(found)}.",))


def _made(work: Work) -> str:
    """By whom and when, as a paper that is signed has to say."""
    assert work.model is not None  # noqa: S101 - refused at submission
    when = datetime.fromtimestamp(work.job.created_s, UTC)
    return (
        f"Project {work.project.name}, model {work.model.number}. "
        f"Made by {work.job.created_by} on {when.day} {when:%b %Y, %H:%M} UTC."
    )


def _part(work: Work, name: str, job_id: str) -> dict[str, Any]:
    """The whole JSON of a job.

    Raises:
        OptionError: It did not end well, or is gone.
    """
    with work.database.read() as db:
        job = db.get(JobRow, job_id)
    files = {} if job is None or job.result is None else job.result.get("files", {})
    sha256 = files.get(_FILES.get(PARTS[name], f"{PARTS[name]}.json"))
    if sha256 is None:
        raise OptionError(
            f"Job {job_id} has no result to join as '{name}'. A report joins jobs that are done. "
            "Name another one, or leave the part out."
        )
    found: dict[str, Any] = json.loads(work.blobs.get(sha256))
    return found


def _unknown(bundle: Bundle, root: Path) -> tuple[Dataset, int]:
    """The version without test images that the model knows, and how many these are."""
    data = read_dataset(root, seed=bundle.manifest.seed, need_normals=False)
    try:
        rest, out = without_learned(data, bundle)
    except DatasetError:  # it knows all, or there are none
        known = sum(record.label is not None for record in data.test)
        return Dataset(data.root, data.layout, data.normals), known
    return rest, len(out)
