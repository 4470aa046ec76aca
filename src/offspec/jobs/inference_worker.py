"""One inference process: keeps models ready and judges the pictures that the server sends.

    python -m offspec.jobs.inference_worker [BUNDLE ...]

Messages come on standard input and answers go to standard output (``frames``). The bundles named
are loaded first. It ends when its input does, that is with the server, however that ends.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from offspec.errors import OffspecError
from offspec.images import decode_image
from offspec.inspection_pictures import draw
from offspec.jobs.frames import read_frame, write_frame
from offspec.jobs.logs import log_to_stderr
from offspec.json_files import finite
from offspec.runtime import Inspector

_LOG = logging.getLogger("offspec.inference")
MOST_READY = 4
Answer = tuple[dict[str, Any], bytes]


class Ready:
    """Inspectors by the file of their bundle; the one not used for longest goes.

    Args:
        threads: CPU threads of one inference.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._kept: OrderedDict[str, Inspector] = OrderedDict()
        self._lock = threading.Lock()
        self._failed: dict[str, OffspecError] = {}

    def get(self, path: str) -> Inspector:
        """An inspector, loaded where it is not ready.

        Raises:
            BundleError: The file cannot be trusted.
        """
        with self._lock:
            found = self._kept.get(path)
            if found is not None:
                self._kept.move_to_end(path)
                return found
        found = Inspector(Path(path), threads=self._threads)
        with self._lock:
            self._kept[path] = found
            while len(self._kept) > MOST_READY:
                self._kept.popitem(last=False)
        return found

    def load(self, path: str) -> None:
        """Load beside the work that goes on; ``is_ready`` says when it is."""
        self._failed.pop(path, None)
        threading.Thread(target=self._load, args=(path,), daemon=True).start()

    def _load(self, path: str) -> None:
        try:
            self.get(path)
        except OffspecError as error:
            self._failed[path] = error

    def is_ready(self, path: str) -> bool:
        """Whether it is loaded.

        Raises:
            OffspecError: It could not be.
        """
        if path in self._failed:
            raise self._failed[path]
        return path in self._kept


def _inspect(ready: Ready, asked: dict[str, Any], data: bytes) -> Answer:
    image = decode_image(data, asked["name"])
    found = ready.get(asked["bundle"]).inspect(image, with_map=False)
    return {"content": finite(found.to_dict())}, b""


def _draw(ready: Ready, asked: dict[str, Any], data: bytes) -> Answer:
    image = decode_image(data, asked["name"])
    return {}, draw(ready.get(asked["bundle"]), image, asked["kind"])


def _load(ready: Ready, asked: dict[str, Any], _data: bytes) -> Answer:
    ready.load(asked["bundle"])
    return {}, b""


def _is_ready(ready: Ready, asked: dict[str, Any], _data: bytes) -> Answer:
    return {"ready": ready.is_ready(asked["bundle"])}, b""


OPERATIONS: dict[str, Callable[[Ready, dict[str, Any], bytes], Answer]] = {
    "inspect": _inspect,
    "draw": _draw,
    "load": _load,
    "is_ready": _is_ready,
}


def serve(ready: Ready, source: IO[bytes], sink: IO[bytes]) -> None:
    """Answer until the other side is gone."""
    while (message := read_frame(source)) is not None:
        asked, data = message
        try:
            head, body = OPERATIONS[asked["op"]](ready, asked, data)
        except OffspecError as error:
            head, body = {"error": {"code": error.code, "message": str(error)}}, b""
        except Exception:  # noqa: BLE001 - one picture's fault must not end the process
            _LOG.exception("fault in %s", asked.get("op"))
            words = "The inference process has a fault; the server's log says more."
            head, body = {"error": {"code": "offspec", "message": words}}, b""
        write_frame(sink, head, body)


def main() -> None:
    """Run until the server ends."""
    log_to_stderr()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the server, which ends us
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to the log, not between the answers
    ready = Ready(int(sys.argv[1]))
    for path in sys.argv[2:]:
        ready.get(path)
    try:
        write_frame(sink, {})
        serve(ready, sys.stdin.buffer, sink)
    except BrokenPipeError:
        os._exit(0)  # the server is gone, and so is the place to say it


if __name__ == "__main__":
    main()
