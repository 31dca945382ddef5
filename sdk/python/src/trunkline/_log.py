"""Log entries with fields.

Purpose: a static message with `key=value` fields that reads the same through any `logging` set-up. It does not know where logs go.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

logger = logging.getLogger("trunkline")


class Entry:
    """A message and its fields, joined only when somebody reads them."""

    __slots__ = ("_fields", "_message")

    def __init__(self, message: str, **fields: Any) -> None:
        """Takes the static message and the values; a field that is None is left out."""
        self._message = message
        self._fields = fields

    def __str__(self) -> str:
        """Gives `message key=value …`."""
        fields = (f"{key}={_value(value)}" for key, value in self._fields.items() if value is not None)
        return " ".join((self._message, *fields))


class LineFormatter(logging.Formatter):
    """Writes `time level logger message key=value …`, and a traceback below where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Formats one record."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = f"{time} {record.levelname.lower()} {record.name} {record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def _value(value: Any) -> str:
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    return repr(text) if not text or any(character.isspace() for character in text) else text
