"""Lines that send pictures to a server: what rate holds, and how long an answer takes.

    python -m benchmarks.server_load http://127.0.0.1:8000 PROJECT TOKEN IMAGE \
        --lines 4 --rate 5 --seconds 600

Each line sends at its own beat, whether or not the server keeps up; what is refused with 503 is
counted. At the end the number of stored inspections is compared with the accepted requests.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time
from pathlib import Path
from urllib.parse import urlparse

import numpy as np

from benchmarks.common import print_table, write_result


class Line(threading.Thread):
    """One sender."""

    def __init__(self, args: argparse.Namespace, name: str, picture: bytes) -> None:
        super().__init__(daemon=True)
        self.args, self.line, self.picture = args, name, picture
        self.ms: list[float] = []
        self.at: list[float] = []
        self.refused = self.failed = 0

    def run(self) -> None:
        """Send at the beat."""
        where = urlparse(self.args.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
        begin = time.perf_counter()
        for number in range(round(self.args.rate * self.args.seconds)):
            time.sleep(max(0.0, begin + number / self.args.rate - time.perf_counter()))
            headers = {
                "authorization": f"Bearer {self.args.token}",
                "content-type": "application/octet-stream",
                "idempotency-key": f"{begin}-{self.line}-{number}",
            }
            start = time.perf_counter()
            path = f"/api/v1/projects/{self.args.project}/inspect?line={self.line}"
            # Other bytes each time, so that each picture has to be written.
            distinct = self.picture + f"{self.line}-{number}".encode()
            connection.request("POST", path, distinct, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 201:
                self.ms.append(1000 * (time.perf_counter() - start))
                self.at.append(start - begin)
            elif answer.status == 503:
                self.refused += 1
            else:
                self.failed += 1


def stored(args: argparse.Namespace, line: str) -> int:
    """Inspections of a line that the server lists."""
    where = urlparse(args.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    count, after = 0, ""
    while True:
        path = f"/api/v1/projects/{args.project}/inspections?line={line}&limit=500{after}"
        connection.request("GET", path, headers={"authorization": f"Bearer {args.token}"})
        page = json.loads(connection.getresponse().read())
        count += len(page["items"])
        if page["next"] is None:
            return count
        after = f"&after={page['next']}"


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name in ("url", "project", "token"):
        parser.add_argument(name)
    parser.add_argument("image", type=Path)
    parser.add_argument("--lines", type=int, default=4)
    parser.add_argument("--rate", type=float, default=5.0, help="pictures a second and line")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    run = f"{time.time():.0f}"
    lines = [Line(args, f"{run}-{i}", args.image.read_bytes()) for i in range(args.lines)]
    for line in lines:
        line.start()
    for line in lines:
        line.join()
    ms = np.concatenate([line.ms for line in lines])
    kept = sum(stored(args, line.line) for line in lines)
    rows: list[list[object]] = [
        ["accepted", ms.size],
        ["stored", kept],
        ["refused with 503", sum(line.refused for line in lines)],
        ["failed", sum(line.failed for line in lines)],
        ["accepted a second", ms.size / args.seconds],
        *([f"p{q} ms", float(np.percentile(ms, q))] for q in (50, 95, 99)),
    ]
    print_table(["figure", "value"], rows)
    write_result(args.json, {str(name): value for name, value in rows})


if __name__ == "__main__":
    main()
