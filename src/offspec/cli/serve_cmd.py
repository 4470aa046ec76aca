"""``offspec serve`` and ``offspec audit``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from offspec.cli.common import JsonOption, Output, QuietOption, guarded, progress

DataOption = Annotated[Path, typer.Option("--data", help="Folder for database and images.")]
DatabaseOption = Annotated[
    str | None, typer.Option("--database", help="postgresql://...; default: SQLite in --data.")
]


@guarded
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8000,
    data: DataOption = Path("offspec-data"),
    database: DatabaseOption = None,
    store: Annotated[
        str | None, typer.Option("--store", help="s3://... or a folder; default: in --data.")
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, help="Processes for fit and check.")
    ] = 1,
    inspectors: Annotated[
        int, typer.Option("--inspectors", min=1, max=64, help="Processes that look at pictures.")
    ] = 1,
    https: Annotated[
        bool, typer.Option("--https", help="A proxy with HTTPS stands in front.")
    ] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Load the practice product to look around with.")
    ] = False,
) -> None:
    """Start the server; the first start makes the user admin and says the password."""
    import uvicorn

    from offspec.jobs.inference import Pool
    from offspec.jobs.local import Crew
    from offspec.jobs.logs import log_to_stderr
    from offspec.server.app import create_app
    from offspec.server.http_head import HeadLimited
    from offspec.server.services import Services
    from offspec.server.settings import Settings
    from offspec.server.sweeper import Sweeper

    settings = Settings(data, database, store, host, port, https=https)
    services = Services.open(settings)
    services.recover()
    password = services.first_administrator()
    output = Output()
    if password is not None:
        output.say("First start: sign in as 'admin' with the password")
        output.say(f"  {password}")
        output.say("It is shown this once. Change it after signing in.")
    if demo:
        from offspec.server.demo import load_practice

        with progress(quiet=False) as advance:
            load_practice(services, progress=advance)
    output.say(f"offspec on http://{host}:{port}  (data in {data})")
    log_to_stderr()
    pool = Pool(inspectors)
    helpers = (
        Crew(services.database, settings.store_url, settings.data / "work", workers),
        pool,
        Sweeper(services.database, services.blobs, settings.ready),
    )
    for one in helpers:
        one.start()
    try:
        app = create_app(services, pool)
        uvicorn.run(app, host=host, port=port, log_config=None, access_log=False,
                    server_header=False, proxy_headers=https, http=HeadLimited)  # fmt: skip
    finally:
        for one in helpers:
            one.stop()


@guarded
def audit(
    data: DataOption = Path("offspec-data"),
    database: DatabaseOption = None,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Verify the audit log of a server: every entry, and the chain of their hashes."""
    from offspec.errors import OptionError
    from offspec.server.settings import Settings
    from offspec.store import audit as log
    from offspec.store.database import Database

    output = Output(json_file, quiet)
    if database is None and not (data / "offspec.db").is_file():
        raise OptionError(f"'{data}' holds no database. Name the folder that `serve` was given.")
    opened = Database(Settings(data, database).database_url)
    with closing(opened), opened.read() as db:
        found = log.verify(db)
    if found.broken_at is None:
        output.say(f"The audit log is whole: {found.events} entries, head {found.head}.")
    else:
        output.say(f"The audit log is broken at entry {found.broken_at}: altered or removed.")
    output.write_json({"events": found.events, "broken_at": found.broken_at, "head": found.head})
    if found.broken_at is not None:
        raise typer.Exit(1)
