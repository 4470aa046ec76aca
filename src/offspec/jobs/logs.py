"""The log of all processes of the server: one line of JSON an event, on standard error.

It says who asked for what by route template, never what was sent: no body, query or token.
"""

from __future__ import annotations

import json
import logging
import sys

FIELDS = ("method", "route", "status", "ms", "user", "request_id", "job", "kind", "state")
"""What an event may say beside time, level, source and words."""


class JsonLines(logging.Formatter):
    """One event as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        event: dict[str, object] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{record.msecs:03.0f}",
            "level": record.levelname.lower(),
            "source": record.name,
            "event": record.getMessage(),
        }
        event |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            event["trace"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False, default=str)


def log_to_stderr() -> None:
    """Let this process log in this form.

    Our own events are logged from the level info on; on a terminal, where a person reads, from
    warning on.
    """
    level = logging.WARNING if sys.stderr.isatty() else logging.INFO
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("offspec").setLevel(level)
