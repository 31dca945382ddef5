"""Reading a frame into its struct.

Purpose: `decode` of each dialect's module. It does not know any type.
"""

from __future__ import annotations

from typing import Any

from trunkline import _json


def frame(text: bytes | str, shape: Any) -> Any:
    """Reads JSON into `shape`; 1.0 is an integer. Raises msgspec.ValidationError or msgspec.DecodeError."""
    return _json.decode_as(text, shape)
