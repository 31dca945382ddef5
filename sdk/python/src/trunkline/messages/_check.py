"""Whether one message is what its type says.

Purpose: the verdicts, paths and words of the contract's check, from a table that is generated with it (`_table.json`); the gateway and
the TypeScript client say the same of the same message. The meaning is JSON Schema's: 1.0 is an integer, lengths count code points, and
fields that are not named are allowed. It does not know what a message sets off, nor whether a field stands twice.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from trunkline import _json
from trunkline.messages._shape import NESTED_MAX, Shape, TooDeep, Wrong, build

Dialect = Literal["native", "payload", "data", "flat", "open"]
"""A wire spelling of messages."""
Sender = Literal["client", "gateway"]
"""Who sends a message; `gateway` stands for services, too."""

_TABLE: Final = Path(__file__).with_name("_table.json")
_WRONG_SENDER: Final = {
    ("to_client", "client"): "is for the gateway to send, not for clients",
    ("to_gateway", "gateway"): "is for clients to send, not for the gateway",
}


class Fault(NamedTuple):
    """Why a message is not accepted; as text, `payload.total_steps: expected integer, got string`."""

    kind: Literal["content", "unknown", "direction", "not_json"]
    """`content`: something in it is wrong; `unknown`: the dialect has no such type, which is fine for types that a service defines;
    `direction`: the type is not for this sender to send; `not_json`: it is no JSON."""
    path: str
    """The field, from the frame's root, such as `payload.steps[2].title`; empty for the frame itself."""
    words: str
    """What is wrong there, such as `missing` or `expected string, got null`."""

    def __str__(self) -> str:
        """Gives path and words."""
        return f"{self.path}: {self.words}" if self.path else self.words


class _Row(msgspec.Struct):
    """A type in the table."""

    frame: int
    direction: str
    local: bool


class _Table(msgspec.Struct):
    """The file, read."""

    shapes: list[dict[str, Any]]
    untyped: int
    types: dict[str, dict[str, _Row]]


class _Catalogue:
    """The table, put together."""

    def __init__(self, table: _Table) -> None:
        self.shapes = build(table.shapes)
        self.untyped = self.shapes[table.untyped]
        self.types = table.types


def check(dialect: Dialect, frame: bytes | str | Any, *, sender: Sender | None = None) -> Fault | None:
    """Gives the first fault of a whole frame, or None where it has none.

    `frame` is a text as it is on the wire, or what would be written as one: a dict, a struct or model. With `sender`, a type that this
    side does not send is a fault, too.
    """
    try:
        value = _json.decode_any(frame if isinstance(frame, bytes | str) else _json.encode(frame))
    except (*_json.UNREADABLE, *_json.UNSPELLABLE) as error:
        return Fault("not_json", "", f"no JSON: {error}")
    catalogue = _catalogue()
    name = value.get("type") if isinstance(value, dict) else None
    row = catalogue.types[dialect].get(name) if isinstance(name, str) else None
    if row is None:
        unknown = Fault("unknown", "type", f"{name} is not in the catalogue")
        return _fault(catalogue.untyped, value) or unknown
    if sender is not None and (words := _wrong_sender(row, sender)) is not None:
        return Fault("direction", "type", f"{name} {words}")
    return _fault(catalogue.shapes[row.frame], value)


def _wrong_sender(row: _Row, sender: Sender) -> str | None:
    if row.local:
        return "is raised by the client library and never sent"
    return _WRONG_SENDER.get((row.direction, sender))


def _fault(shape: Shape, value: Any) -> Fault | None:
    try:
        shape.check(value)
    except Wrong as wrong:
        return Fault("content", wrong.path, wrong.words)
    except TooDeep:
        return Fault("not_json", "", f"no JSON: more than {NESTED_MAX} arrays and objects within each other")
    return None


@cache
def _catalogue() -> _Catalogue:
    """Gives the table, which is read when it is first asked for."""
    return _Catalogue(msgspec.json.decode(_TABLE.read_bytes(), type=_Table))
