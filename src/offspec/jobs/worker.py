"""One worker process: takes a job, does it, says how far it is, takes the next.

    python -m offspec.jobs.worker --database URL --store URL

It ends when its parent does. What it makes is entered in one transaction at the end, so that an
ended worker leaves a failed job and no half of a model.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from offspec.bundle.write import bundle_bytes
from offspec.errors import OffspecError
from offspec.fit_summary import fit_summary
from offspec.jobs.do_calibrate import do_calibrate
from offspec.jobs.do_check import do_check
from offspec.jobs.do_compare import do_compare
from offspec.jobs.do_evaluate import do_evaluate
from offspec.jobs.do_export import do_export
from offspec.jobs.do_fit import do_fit
from offspec.jobs.do_msa import do_msa
from offspec.jobs.do_pod import do_pod
from offspec.jobs.do_report import do_report
from offspec.jobs.logs import log_to_stderr
from offspec.jobs.pulse import CancelledError, Pulse
from offspec.jobs.work import Done, MadeModel, Work
from offspec.json_files import finite
from offspec.store import job_queue, registry
from offspec.store.blobs import BlobStore
from offspec.store.database import Database
from offspec.store.models import JobRow

_LOG = logging.getLogger("offspec.worker")
POLL_S = 0.3

KINDS: Mapping[str, Callable[[Work], Done]] = {
    "fit": do_fit,
    "check": do_check,
    "evaluate": do_evaluate,
    "export": do_export,
    "calibrate": do_calibrate,
    "compare": do_compare,
    "pod": do_pod,
    "msa": do_msa,
    "report": do_report,
}


@dataclass(frozen=True)
class _Kept:
    """What came of a job, its bytes in the store."""

    result: dict[str, Any]
    made: MadeModel | None
    bundle_sha256: str
    summary: dict[str, Any]


class Worker:
    """Does jobs, one after another.

    Args:
        database: With the queue.
        blobs: Images and bundles.
        name: Unique among workers.
    """

    def __init__(self, database: Database, blobs: BlobStore, name: str) -> None:
        self._database, self._blobs, self.name = database, blobs, name

    def run_one(self) -> bool:
        """Do the next job; False = none waits."""
        with self._database.write() as db:
            job = job_queue.claim(db, self.name)
        if job is None:
            return False
        pulse = Pulse(self._database, job.id, self.name)
        try:
            with tempfile.TemporaryDirectory(prefix="offspec-job-") as folder, pulse.beating():
                work = Work.load(job, self._database, self._blobs, Path(folder), pulse)
                done = KINDS[job.kind](work)
                pulse.tell("keep", 0, 1)
                kept = self._keep(done)
        except CancelledError:
            pulse.say("Cancelled.")
            self._finish(job, pulse, "cancelled")
        except OffspecError as error:
            pulse.say(str(error))
            self._finish(job, pulse, "failed", error={"code": error.code, "message": str(error)})
        except Exception:  # noqa: BLE001 - whatever it was, the job has to end
            _LOG.exception("job failed", extra={"job": job.id, "kind": job.kind})
            words = "The work failed by a fault of the program; the server's log says more."
            pulse.say(words)
            self._finish(job, pulse, "failed", error={"code": "fault", "message": words})
        else:
            for words in done.words:
                pulse.say(words)
            self._finish(job, pulse, "done", kept=kept)
        return True

    def _keep(self, done: Done) -> _Kept:
        """Put bytes into the store, before any row names them."""
        result = dict(done.result)
        if done.files:
            result["files"] = {name: self._blobs.put(data) for name, data in done.files.items()}
        if done.model is None:
            return _Kept(result, None, "", {})
        sha256 = self._blobs.put(bundle_bytes(done.model.bundle))
        summary = finite(fit_summary(done.model.bundle))
        return _Kept({**result, "bundle_sha256": sha256}, done.model, sha256, summary)

    def _finish(
        self,
        job: JobRow,
        pulse: Pulse,
        state: Literal["done", "failed", "cancelled"],
        *,
        kept: _Kept | None = None,
        error: dict[str, Any] | None = None,
    ) -> None:
        """Enter what came of it, all or nothing; nothing if the job was given up on meanwhile."""
        result = None if kept is None else kept.result
        with self._database.write() as db:
            if not job_queue.finish(db, job.id, self.name, state, result=result, error=error):
                return
            _LOG.info("job ended", extra={"job": job.id, "kind": job.kind, "state": state})
            job_queue.log(db, job.id, pulse.unsaid())
            if kept is None or kept.made is None:
                return
            made = kept.made
            model = registry.add_model(
                db, job, kept.bundle_sha256, kept.summary, parent=made.parent, note=made.note
            )
            db.get_one(JobRow, job.id).result = {**kept.result, "model_id": model.id}


def main() -> None:
    """Work until the parent ends."""
    parser = argparse.ArgumentParser(description="A worker of offspec serve.")
    parser.add_argument("--database", required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--parent", type=int, default=os.getppid())
    args = parser.parse_args()
    log_to_stderr()
    threading.Thread(target=_end_with, args=(args.parent,), daemon=True).start()
    name = f"{socket.gethostname()}:{os.getpid()}"
    worker = Worker(Database(args.database), BlobStore(args.store), name)
    while True:
        if not worker.run_one():
            time.sleep(POLL_S)


def _end_with(parent: int) -> None:
    """End when the parent does, also in the middle of a job, which then is lost and said so."""
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os._exit(1)


if __name__ == "__main__":
    main()
