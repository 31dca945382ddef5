"""One event of a run, between what handlers yield or emit and what CHUNK and EVENT carry.

Purpose: `protocol/worker.md` §3's two kinds of numbered event, and latest state, which the catalogue tells from them. It does not know
numbering or credit.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from trunkline import _json, _payload
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
    codec: str = _payload.JSON
    key: str | None = None
    """What it is the state of, where it is the state of one of several."""


def spell(item: Any) -> Spelled:
    """Spells what a handler yielded: a str is a text delta, an :class:`Event` has its type, all else is a `run_event`.

    Raises TypeError for what can be written in no codec, ValueError for a type that is too long, PayloadTooLarge for state that is too
    large.
    """
    if isinstance(item, str):
        return Spelled(TEXT, "", item.encode())
    if isinstance(item, Event):
        _require_name(item.type)
        return state(item.type, item.payload) if item.type in LATEST else _spelled(item.type, item.payload)
    return _spelled(DEFAULT_TYPE, item)


def state(name: str, value: Any, key: str | None = None) -> Spelled:
    """Spells latest state; without `key` it is the state of what the catalogue's field of that type names.

    Raises TypeError for what has no JSON form, ValueError for a type that is too long, PayloadTooLarge.
    """
    _require_name(name)
    payload = _json.encode(value)
    if len(payload) > STATE_BYTES_MAX:
        raise PayloadTooLarge(f"a {name} of {len(payload)} bytes exceeds {STATE_BYTES_MAX}")
    return Spelled(STATE, name, payload, key=_key(name, payload) if key is None else key)


def read(message: Message, numbered: Numbered) -> str | Event:
    """Reads a CHUNK: a text delta as a str, anything else as an :class:`Event`."""
    if numbered.kind == TEXT:
        return message.payload.decode(errors="replace")
    return Event(message.name or DEFAULT_TYPE, _payload.read(numbered.codec, message.payload, Any))


def _require_name(name: str) -> None:
    if not 1 <= len(name.encode()) <= NAME_BYTES_MAX:
        raise ValueError(f"event type {name!r}: 1 to {NAME_BYTES_MAX} bytes")


def _key(name: str, payload: bytes) -> str | None:
    field = LATEST.get(name)
    content = None if field is None else _json.decode(payload)
    key = content.get(field) if isinstance(content, dict) else None
    return key if isinstance(key, str) else None


def _spelled(name: str, value: Any) -> Spelled:
    codec, payload = _payload.write(value)
    return Spelled(EVENT, name, payload, codec)
