"""Everything the server can be told, checked before it starts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from offspec.errors import OptionError

MAX_UPLOAD_BYTES = 1 << 30
MAX_JSON_BYTES = 16 << 20
MAX_BARE_BYTES = 64 << 10
MAX_FILES = 2000


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one server.

    Attributes:
        data: Folder for database and images, where these are not elsewhere.
        database: URL; None = SQLite in ``data``.
        store: Folder or fsspec URL of the images; None = in ``data``.
        host: Address to listen on.
        max_upload_bytes: Of one request with pictures; other bodies are held to the constants
            above, those without credentials to the smallest.
        https: The server is reached by HTTPS, if through a proxy; cookies are marked so.
    """

    data: Path
    database: str | None = None
    store: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    max_upload_bytes: int = MAX_UPLOAD_BYTES
    https: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise OptionError(f"Port {self.port} is out of range. Use 1 to 65535.")
        if not self.loopback and not self.https:
            raise OptionError(
                f"Host '{self.host}' is reached from other machines and passwords would travel in "
                "the open. Put a proxy with HTTPS in front and say --https, or listen on 127.0.0.1."
            )

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def database_url(self) -> str:
        """Where the database is."""
        return self.database or f"sqlite:///{self.data / 'offspec.db'}"

    @property
    def ready(self) -> Path:
        """Where bundles are laid for the processes that inspect."""
        return self.data / "ready"

    @property
    def store_url(self) -> str:
        """Where the images are."""
        return self.store or str(self.data / "images")
