"""Fit a model on a dataset version."""

from __future__ import annotations

from offspec.fit_summary import fit_summary
from offspec.fitting import fit
from offspec.jobs.work import Done, MadeModel, Work
from offspec.json_files import finite
from offspec.run_config import RunConfig


def do_fit(work: Work) -> Done:
    """The model, entered at the job's end."""
    settings = work.settings()
    assert isinstance(settings, RunConfig)  # noqa: S101 - for the type checker
    bundle = fit(
        work.dataset(),
        template=work.drawn(),
        config=settings.to_fit(),
        progress=work.pulse.tell,
    )
    summary = fit_summary(bundle)
    words = (summary["threshold"]["words"], *summary["notes"])
    return Done({"summary": finite(summary)}, model=MadeModel(bundle), words=words)
