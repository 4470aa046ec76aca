"""Lists of a server that has seen much: how long each takes with 100,000 inspections.

    python -m benchmarks.server_lists --count 100000
    python -m benchmarks.server_lists --database postgresql://USER:PASSWORD@HOST/NAME

Every list and filter goes through the app, as the studio asks for it. The database named has to be
empty; without one a SQLite file is made and removed.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import insert

from benchmarks.common import environment, print_table, write_result
from benchmarks.server_setup import Furnished, furnish
from offspec.server.app import create_app
from offspec.server.services import Services
from offspec.server.settings import Settings
from offspec.store import upkeep
from offspec.store.models import InspectionRow, new_id

DAYS, LIMIT_MS, CHUNK = 90, 300.0, 5000
DAY_S = 86_400.0


def rows(count: int, found: Furnished, now: float) -> Iterator[dict[str, Any]]:
    """Inspections of 90 days: one in twenty is stopped, half of these were reviewed."""
    draw = random.Random(0)  # noqa: S311 - nothing secret
    defect = {"polygon": [[100.5, 200.25]] * 40, "area_px": 500, "score": 0.9}
    for number in range(count):
        (verdict,) = draw.choices(("ok", "ng", "review", "invalid"), (95, 3, 1, 1))
        judged = verdict != "ok" and draw.random() < 0.5
        yield {
            "id": new_id(),
            "project_id": found.project_id,
            "model_id": found.model_id,
            "image_sha256": f"{number:064x}",
            "request_key": f"key-{number}",
            "part_id": f"P{number}",
            "line": "ABCD"[number % 4],
            "verdict": verdict,
            "deviation_score": draw.random(),
            "content": {"verdict": verdict, "regions": [{"defects": [defect] * 2}]},
            "review": draw.choice(("ok", "ng")) if judged else None,
            "reason": "",
            "reviewed_by": draw.choice(("eve", "pia")) if judged else None,
            "reviewed_s": now if judged else None,
            "image_gone": False,
            "created_s": now - DAYS * DAY_S * (1 - number / count),
        }


def fill(services: Services, found: Furnished, count: int, now: float) -> None:
    """Enter them, some thousand at a time."""
    chunk: list[dict[str, Any]] = []
    for row in rows(count, found, now):
        chunk.append(row)
        if len(chunk) == CHUNK:
            _enter(services, chunk)
            chunk = []
    if chunk:
        _enter(services, chunk)


def _enter(services: Services, chunk: list[dict[str, Any]]) -> None:
    with services.database.write() as db:
        db.execute(insert(InspectionRow), chunk)


def questions(count: int, found: Furnished, now: float) -> dict[str, dict[str, object]]:
    """What the studio asks, by name: path and query."""
    week: dict[str, object] = {"from_s": now - 7 * DAY_S, "to_s": now}
    old: dict[str, object] = {"from_s": now - 60 * DAY_S, "to_s": now - 59 * DAY_S}
    lists: dict[str, dict[str, object]] = {
        "latest": {},
        "latest, 500": {"limit": 500},
        "review queue": {"open": True},
        "one part": {"part_id": f"P{count // 2}"},
        "no such part": {"part_id": "nothing"},
        "one line": {"line": "A"},
        "no such line": {"line": "nothing"},
        **{f"verdict {one}": {"verdict": one} for one in ("ok", "review", "ng", "invalid")},
        **{f"reviewed {one}": {"review": one} for one in ("ok", "ng")},
        "one model": {"model_id": found.model_id},
        "no such model": {"model_id": "A" * 22},
        "a day two months ago": old,
        "line, verdict, week": {"line": "A", "verdict": "ng", **week},
        "missed by the model": {"verdict": "ok", "review": "ng"},
        "open on a line": {"open": True, "line": "B"},
    }
    path = "/inspections"
    asked: dict[str, dict[str, object]] = {
        name: {"path": path, "query": query} for name, query in lists.items()
    }
    everything = {"from_s": now - DAYS * DAY_S, "to_s": now}
    return {
        **asked,
        "rates, week by hour": {"path": f"{path}/rates", "query": {**week, "bucket": "hour"}},
        "rates, all by day": {"path": f"{path}/rates", "query": {**everything, "bucket": "day"}},
        "agreement": {"path": f"{path}/agreement", "query": {}},
        "summary": {"path": "/summary", "query": {}},
    }


def timed(client: TestClient, path: str, query: dict[str, Any], times: int) -> tuple[float, int]:
    """Median milliseconds, and how many items came."""
    spent, items = [], 0
    for _ in range(times):
        start = time.perf_counter()
        answer = client.get(path, params=query)
        spent.append(1e3 * (time.perf_counter() - start))
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code} {answer.text[:300]}")
        body = answer.json()
        items = len(body["items"] if isinstance(body, dict) and "items" in body else body)
    return statistics.median(spent), items


def deep(client: TestClient, path: str, pages: int) -> dict[str, Any]:
    """The query of a page far down the list."""
    query: dict[str, Any] = {"limit": 500}
    for _ in range(pages):
        query["after"] = client.get(path, params=query).json()["next"]
    return query


def swept(services: Services) -> float:
    """Milliseconds of a sweep for which no picture is old enough."""
    with services.database.write() as db:
        upkeep.set_retention(db, "bench", upkeep.Kept(2 * DAYS, 2 * DAYS))
    start = time.perf_counter()
    upkeep.sweep(services.database, services.blobs)
    return 1e3 * (time.perf_counter() - start)


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--database")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="offspec-lists-") as folder:
        services = Services.open(Settings(Path(folder), args.database))
        found, now = furnish(services, b"no bundle: nothing is inspected here"), time.time()
        fill(services, found, args.count, now)
        client = TestClient(create_app(services), base_url="http://127.0.0.1")
        client.headers["authorization"] = f"Bearer {found.token}"
        project = f"/api/v1/projects/{found.project_id}"
        asked = questions(args.count, found, now)
        far = deep(client, f"{project}/inspections", min(100, args.count // 1000))
        asked["far down, 500"] = {"path": "/inspections", "query": far}
        table: list[list[object]] = []
        for name, one in asked.items():
            query: Any = one["query"]
            ms, items = timed(client, f"{project}{one['path']}", query, args.times)
            table.append([name, items, round(ms, 1), "" if ms < LIMIT_MS else "too slow"])
        table.append(["sweep that finds nothing", 0, round(swept(services), 1), ""])
        services.database.close()
    print_table(["list", "items", "ms", f"limit {LIMIT_MS:.0f}"], table)
    result = {str(row[0]): {"items": row[1], "ms": row[2]} for row in table}
    write_result(args.json, {"environment": environment(None), "count": args.count, **result})


if __name__ == "__main__":
    main()
