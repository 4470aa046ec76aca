"""Opens the database, brings it to the present form, and hands out transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Db
from sqlalchemy.orm import sessionmaker

from offspec.errors import OptionError

_MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_MS = 15_000
_POOL: dict[str, Any] = {"pool_size": 10, "max_overflow": 70, "pool_use_lifo": True}
"""40 threads may hold two connections each, or they would wait in a circle; PostgreSQL lets in 100
as installed. The one used last is the warmest."""


class Database:
    """One database; safe to share between threads.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST/NAME``.

    Attributes:
        generation: Counts notable changes of this process: what was read before one is stale.
    """

    def __init__(self, url: str) -> None:
        self.url = _known(url)
        self.engine = _engine(self.url)
        writing = self.engine.execution_options(writes=True)
        self.generation = 0
        self._writers = sessionmaker(writing, expire_on_commit=False)
        self._readers = sessionmaker(self.engine, expire_on_commit=False)

    def migrate(self) -> None:
        """Bring the tables to the present form.

        Raises:
            OptionError: The database cannot be reached, or is newer than this version.
        """
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        try:
            with self.engine.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except SQLAlchemyError as error:
            raise OptionError(
                f"The database cannot be opened: {str(error).splitlines()[0]}. It has to exist and "
                "accept this user. Check --database."
            ) from error

    @contextmanager
    def write(self, *, notable: bool = True) -> Iterator[Db]:
        """A transaction that is committed at the end, or undone by an exception.

        Args:
            notable: It may change what others remember; see ``generation``.
        """
        with self._writers.begin() as db:
            yield db
        self.generation += notable

    @contextmanager
    def read(self) -> Iterator[Db]:
        """A transaction that changes nothing."""
        with self._readers() as db:
            yield db

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _known(url: str) -> str:
    if url.startswith("postgresql://"):
        return "postgresql+psycopg://" + url.removeprefix("postgresql://")
    if url.startswith(("sqlite:///", "postgresql+psycopg://")):
        return url
    raise OptionError(
        f"Database '{url.split('://', maxsplit=1)[0]}://...' is unknown. Use sqlite:///PATH or "
        "postgresql://USER:PASSWORD@HOST/NAME."
    )


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, **_POOL)
    engine = create_engine(url, connect_args={"timeout": BUSY_MS / 1000}, **_POOL)

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin below, at the right strength
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # what was acknowledged survives a power cut
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its turn before it reads, or two that read first could both fail.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
