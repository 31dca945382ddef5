"""Reading a frame into its struct.

Purpose: `decode` of each dialect's module. It does not know any type.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from trunkline import _json

_NUMBERS: Final = msgspec.json.Decoder(float_hook=_json.whole)


def frame(text: bytes | str, shape: Any) -> Any:
    """Reads JSON into `shape`, with the meaning that the check has. Raises msgspec.ValidationError or msgspec.DecodeError."""
    try:
        return msgspec.json.decode(text, type=shape)
    except msgspec.ValidationError:
        # Perhaps only because msgspec's own reading takes 1.0 for no integer, and 1e400 for no number.
        return msgspec.convert(_NUMBERS.decode(text), shape)
