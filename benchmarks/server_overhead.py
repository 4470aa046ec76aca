"""What the server adds to an inspection: the same picture through HTTP and in this process.

    python -m benchmarks.server_overhead BUNDLE IMAGE --count 300

Both sides decode the picture; they take turns, so that whatever else the machine does slows both.
SQLite's log grows at first, and a file that grows is slow to
synchronise; so some hundred pictures go to the server before anything is measured.
The server's side is a whole request on loopback: sign-in by token, the picture kept on disk, the
inspection in the database, the answer as JSON.
"""

from __future__ import annotations

import argparse
import http.client
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

import numpy as np

from benchmarks.common import environment, print_table, write_result
from benchmarks.server_setup import Furnished, furnish, serving
from offspec.images import decode_image
from offspec.json_files import finite
from offspec.runtime import Inspector
from offspec.server.services import Services
from offspec.server.settings import Settings


def distinct(picture: bytes, number: int) -> bytes:
    """The same picture with other bytes, so that each has to be written: data after its end."""
    return picture + number.to_bytes(4, "big", signed=True)


def sender(url: str, found: Furnished, picture: bytes) -> Callable[[int], None]:
    """Sends one picture through HTTP."""
    where = urlparse(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    headers = {
        "authorization": f"Bearer {found.token}",
        "content-type": "application/octet-stream",
    }

    def send(number: int) -> None:
        path = f"/api/v1/projects/{found.project_id}/inspect?line=1"
        connection.request("POST", path, distinct(picture, number), headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 201:
            raise SystemExit(f"{answer.status}: {text[:300]!r}")

    return send


def measured(count: int, *ways: Callable[[int], None]) -> list[np.ndarray]:
    """Milliseconds of each way, in turns."""
    times: list[list[float]] = [[] for _ in ways]
    for number in range(count):
        for way, kept in zip(ways, times, strict=True):
            start = time.perf_counter()
            way(number)
            kept.append(1e3 * (time.perf_counter() - start))
    return [np.array(one) for one in times]


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--before", type=int, default=500, help="pictures sent at first")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    picture = args.image.read_bytes()
    inspector = Inspector(args.bundle, threads=1)

    def plain(number: int) -> None:
        image = decode_image(distinct(picture, number), "picture")
        finite(inspector.inspect(image, with_map=False).to_dict())

    with tempfile.TemporaryDirectory(prefix="offspec-bench-") as folder:
        services = Services.open(Settings(Path(folder)))
        found = furnish(services, args.bundle.read_bytes())
        services.database.close()
        with serving(Path(folder)) as (url, _pid):
            send = sender(url, found, picture)
            for number in range(args.before):
                plain(number)
                send(-1 - number)
            here, there = measured(args.count, plain, send)
    rows: list[list[object]] = [
        [f"p{q}", *(round(float(np.percentile(ms, q)), 2) for ms in (here, there))]
        for q in (5, 50, 95, 99)
    ]
    rows = [[*row, round(float(row[2]) - float(row[1]), 2)] for row in rows]  # type: ignore[arg-type]
    print_table(["ms", "in a process", "through the server", "more"], rows)
    result = {str(row[0]): row[1:] for row in rows}
    write_result(args.json, {"environment": environment(1), "ms": result})


if __name__ == "__main__":
    main()
