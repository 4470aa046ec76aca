"""What routes work with, made once per server."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import func, select

from offspec.server.settings import Settings
from offspec.store.accounts import create_user
from offspec.store.blobs import BlobStore
from offspec.store.database import Database
from offspec.store.models import User


@dataclass(frozen=True)
class Services:
    """Database and images of one server."""

    settings: Settings
    database: Database
    blobs: BlobStore

    @classmethod
    def open(cls, settings: Settings) -> Services:
        """Open both and bring the database to the present form.

        Raises:
            OptionError: Database or store cannot be used.
        """
        settings.data.mkdir(parents=True, exist_ok=True)
        database = Database(settings.database_url)
        database.migrate()
        return cls(settings, database, BlobStore(settings.store_url))

    def recover(self) -> None:
        """What the start of the one server of this data has to mend."""
        self.blobs.recover()

    def first_administrator(self) -> str | None:
        """On the very first start: make the user ``admin`` and return the password, shown once."""
        with self.database.write() as db:
            if db.scalar(select(func.count()).select_from(User)):
                return None
            password = "-".join(secrets.token_hex(3) for _ in range(4))
            create_user(db, "offspec serve", "admin", "admin", password)
            return password
