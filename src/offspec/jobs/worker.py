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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from offspec.bundle import read_bundle
from offspec.bundle.write import bundle_bytes
from offspec.errors import OffspecError
from offspec.evaluation import evaluate
from offspec.fit_summary import fit_summary
from offspec.fitting import fit
from offspec.health import check
from offspec.images import atomic_write
from offspec.jobs.do_export import do_export
from offspec.jobs.materialise import write_drawn, write_version
from offspec.json_files import finite, json_bytes
from offspec.options import parse_options
from offspec.run_config import RunConfig
from offspec.store import job_queue
from offspec.store.blobs import BlobStore
from offspec.store.database import Database
from offspec.store.models import Image, JobRow, ModelRow, TemplateRow, VersionRow

_LOG = logging.getLogger("offspec.worker")
POLL_S, BEAT_S = 0.3, 1.0


class CancelledError(Exception):
    """Somebody asked to stop, or the job was given up on."""


class Pulse:
    """Tells how far a job is, once a ``BEAT_S``, also while a step takes long.

    Args:
        database: Where the job is.
        job_id: Which.
        worker: Whose it is.
    """

    def __init__(self, database: Database, job_id: str, worker: str) -> None:
        self._database, self._job_id, self._worker = database, job_id, worker
        self._at: tuple[str, int, int] = ("prepare", 0, 1)
        self._stopped = threading.Event()
        self._cancelled = False

    def tell(self, step: str, done: int, total: int) -> None:
        """Progress of the work.

        Raises:
            CancelledError: Stop.
        """
        self._at = (step, done, total)
        if self._cancelled:
            raise CancelledError

    @contextmanager
    def beating(self) -> Iterator[None]:
        """While the work goes on."""
        thread = threading.Thread(target=self._beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join()

    def _beat(self) -> None:
        while True:
            with self._database.write() as db:
                self._cancelled |= not job_queue.beat(db, self._job_id, self._worker, *self._at)
            if self._stopped.wait(BEAT_S):
                return


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
                result = self._do(job, Path(folder), pulse)
        except CancelledError:
            self._finish(job, "cancelled")
        except OffspecError as error:
            self._finish(job, "failed", error={"code": error.code, "message": str(error)})
        except Exception:  # noqa: BLE001 - whatever it was, the job has to end
            _LOG.exception("job %s", job.id)
            words = "The work failed by a fault of the program; the server's log says more."
            self._finish(job, "failed", error={"code": "fault", "message": words})
        else:
            self._finish(job, "done", result=result)
        return True

    def _finish(
        self,
        job: JobRow,
        state: Literal["done", "failed", "cancelled"],
        *,
        result: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
    ) -> None:
        """Enter what came of it, all or nothing; nothing if the job was given up on meanwhile."""
        with self._database.write() as db:
            if not job_queue.finish(db, job.id, self.name, state, result=result, error=error):
                return
            if result is not None and job.kind == "fit":
                model = job_queue.add_model(db, job, result["bundle_sha256"], result["summary"])
                done = db.get_one(JobRow, job.id)
                done.result = {**result, "model_id": model.id}

    def _do(self, job: JobRow, folder: Path, pulse: Pulse) -> dict[str, Any]:
        with self._database.read() as db:
            version = db.get_one(VersionRow, job.params["version_id"])
            drawn = job.params.get("template_id")
            row = None if drawn is None else db.get_one(TemplateRow, drawn)
            reference = None if row is None else db.get_one(Image, row.reference_id)
            chosen = job.params.get("model_id")
            model = None if chosen is None else db.get_one(ModelRow, chosen)
        root = write_version(version, self._blobs, folder)
        template = None
        if row is not None and reference is not None:
            template = write_drawn(row, reference, self._blobs, folder)
        pulse.tell("prepare", 1, 1)
        if job.kind == "fit":
            return self._fit(job, root, template, pulse)
        if job.kind == "check":
            found: dict[str, Any] = finite(
                check(root, template=template, progress=pulse.tell).to_dict()
            )
            return found
        if job.kind == "export":
            return do_export(root, template, self._blobs, folder, pulse.tell)
        assert model is not None  # noqa: S101 - the route asks for it
        return self._evaluate(model, root, folder, pulse)

    def _fit(self, job: JobRow, root: Path, template: Path | None, pulse: Pulse) -> dict[str, Any]:
        settings = parse_options(RunConfig, job.params.get("settings", {}), "the settings")
        assert isinstance(settings, RunConfig)  # noqa: S101 - for the type checker
        bundle = fit(root, template=template, config=settings.to_fit(), progress=pulse.tell)
        pulse.tell("keep", 0, 1)
        sha256 = self._blobs.put(bundle_bytes(bundle))
        return {"bundle_sha256": sha256, "summary": finite(fit_summary(bundle))}

    def _evaluate(self, model: ModelRow, root: Path, folder: Path, pulse: Pulse) -> dict[str, Any]:
        """Figures; every image stands in a blob of its own."""
        bundle = folder / "model.offspec"
        atomic_write(bundle, self._blobs.get(model.bundle_sha256))
        found = finite(evaluate(read_bundle(bundle), root, progress=pulse.tell).to_dict())
        short = {key: value for key, value in found.items() if key != "images"}
        return {**short, "details_sha256": self._blobs.put(json_bytes(found))}


def main() -> None:
    """Work until the parent ends."""
    parser = argparse.ArgumentParser(description="A worker of offspec serve.")
    parser.add_argument("--database", required=True)
    parser.add_argument("--store", required=True)
    args = parser.parse_args()
    parent = os.getppid()
    name = f"{socket.gethostname()}:{os.getpid()}"
    worker = Worker(Database(args.database), BlobStore(args.store), name)
    while os.getppid() == parent:
        if not worker.run_one():
            time.sleep(POLL_S)


if __name__ == "__main__":
    main()
