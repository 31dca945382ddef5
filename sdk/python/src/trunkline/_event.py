"""One event of a run's stream, between what handlers yield and what CHUNK carries.

Purpose: `protocol/worker.md` §3's two kinds of event. It does not know numbering or credit.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from trunkline import _payload
from trunkline._protocol import NAME_BYTES_MAX, Message, Numbered

TEXT: Final = "text"
EVENT: Final = "event"
DEFAULT_TYPE: Final = "run_event"


class Event(msgspec.Struct, frozen=True):
    """An event with a type of its own: yielded by a handler, or received from a called service."""

    type: str
    payload: Any


class Spelled(NamedTuple):
    """An event as CHUNK carries it."""

    kind: str
    name: str
    payload: bytes
    codec: str = _payload.JSON


def spell(item: Any) -> Spelled:
    """Spells what a handler yielded: a str is a text delta, an :class:`Event` has its type, all else is a `run_event`.

    Raises TypeError for what can be written in no codec, ValueError for a type that is too long.
    """
    if isinstance(item, str):
        return Spelled(TEXT, "", item.encode())
    if isinstance(item, Event):
        if not 1 <= len(item.type.encode()) <= NAME_BYTES_MAX:
            raise ValueError(f"event type {item.type!r}: 1 to {NAME_BYTES_MAX} bytes")
        return _spelled(item.type, item.payload)
    return _spelled(DEFAULT_TYPE, item)


def read(message: Message, numbered: Numbered) -> str | Event:
    """Reads a CHUNK: a text delta as a str, anything else as an :class:`Event`."""
    if numbered.kind == TEXT:
        return message.payload.decode(errors="replace")
    return Event(message.name or DEFAULT_TYPE, _payload.read(numbered.codec, message.payload, Any))


def _spelled(name: str, value: Any) -> Spelled:
    codec, payload = _payload.write(value)
    return Spelled(EVENT, name, payload, codec)
