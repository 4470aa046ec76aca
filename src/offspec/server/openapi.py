"""Prints the OpenAPI document, from which the studio's client is made.

python -m offspec.server.openapi > openapi.json
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from offspec.server.app import create_app
from offspec.server.services import Services
from offspec.server.settings import Settings


def main() -> None:
    """Write it to standard output, in a stable order."""
    with tempfile.TemporaryDirectory(prefix="offspec-openapi-") as folder:
        services = Services.open(Settings(Path(folder)))
        document = create_app(services).openapi()
        services.database.close()
    json.dump(document, sys.stdout, indent=1, sort_keys=True)


if __name__ == "__main__":
    main()
