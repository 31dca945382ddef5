"""One event of a run, between what handlers yield or emit and what CHUNK and EVENT carry.

Purpose: `protocol/worker.md` §3's two kinds of numbered event, and latest state, which the catalogue tells from them. It does not know
numbering or credit.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from trunkline import _json
from trunkline._latest import LATEST
from trunkline._protocol import NAME_BYTES_MAX, Message, Numbered
from trunkline.errors import PayloadTooLarge

TEXT: Final = "text"
EVENT: Final = "event"
STATE: Final = "state"
"""Latest state: of which only the newest value matters."""
STATE_BYTES_MAX: Final = 16 * 1024
"""The largest value of latest state that a gateway takes."""
DEFAULT_TYPE: Final = "run_event"


class Event(msgspec.Struct, frozen=True):
    """An event with a type of its own: yielded by a handler, or received from a called service."""

    type: str
    payload: Any


class Spelled(NamedTuple):
    """An event as CHUNK carries it, or latest state as EVENT does."""

    kind: str
    name: str
    payload: bytes
    key: str | None = None
    """What it is the state of, where it is the state of one of several."""


def spell(item: Any) -> Spelled:
    """Spells what a handler yielded: a str is a text delta, an :class:`Event` has its type, all else is a `run_event`.

    Raises TypeError for what has no JSON form, ValueError for a type that is too long, PayloadTooLarge for state that is too large.
    """
    if isinstance(item, str):
        return Spelled(TEXT, "", item.encode())
    if isinstance(item, Event):
        if not 1 <= len(item.type.encode()) <= NAME_BYTES_MAX:
            raise ValueError(f"event type {item.type!r}: 1 to {NAME_BYTES_MAX} bytes")
        payload = _json.encode(item.payload)
        return _spell_state(item.type, payload) if item.type in LATEST else Spelled(EVENT, item.type, payload)
    return Spelled(EVENT, DEFAULT_TYPE, _json.encode(item))


def _spell_state(name: str, payload: bytes) -> Spelled:
    if len(payload) > STATE_BYTES_MAX:
        raise PayloadTooLarge(f"a {name} of {len(payload)} bytes exceeds {STATE_BYTES_MAX}")
    field = LATEST[name]
    content = None if field is None else _json.decode(payload)
    key = content.get(field) if isinstance(content, dict) else None
    return Spelled(STATE, name, payload, key if isinstance(key, str) else None)


def read(message: Message, numbered: Numbered) -> str | Event:
    """Reads a CHUNK: a text delta as a str, anything else as an :class:`Event`."""
    if numbered.kind == TEXT:
        return message.payload.decode(errors="replace")
    return Event(message.name or DEFAULT_TYPE, _json.decode(message.payload))
