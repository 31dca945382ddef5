"""The five spellings of a client's message, to and from one envelope.

::

    envelope = decode("flat", '{"type":"user_message","message_id":"m1","message":"hello"}')
    assert encode("payload", envelope) == '{"type":"user_message","payload":{"message":"hello"},"_tl":{"id":"m1"}}'

Purpose: `protocol/client.md`, sections 1 and 8, as two pure functions, for tests and for workers that stand in front of old systems.
Content stays the JSON text that it was, so numbers of any size and fields that nobody knows yet pass unchanged. It does not know what a
type means.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from trunkline import _spelling
from trunkline._members import Members, bad, check_nesting, json_of, members_of, raw, read, read_text
from trunkline._spelling import DIALECTS, Dialect, Parts

__all__ = ["DEPTH_MAX", "DIALECTS", "Dialect", "Envelope", "decode", "encode"]

DEPTH_MAX: Final = 64
"""Nested arrays and objects in one frame, the outermost counted (`protocol/limits.json`)."""

_WRAPPING_DEPTH: Final = 2  # levels that `metadata` and `_tl` add where the payload has no place of its own
_HINTS_MAX: Final = 16
_TYPE_BYTES_MAX: Final = 128


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One message, whatever its spelling. Content is JSON text: `msgspec.json.decode(envelope.payload)` reads it."""

    type: str
    """What it is."""
    id: str | None = None
    """Message id: 1 to 64 of `A-Za-z0-9_.:-`."""
    ts: str | None = None
    """When the gateway accepted it."""
    channel: str | None = None
    """The channel it stands in."""
    pos: str | None = None
    """Its position in the channel."""
    prev: str | None = None
    """The position before it."""
    session: str | None = None
    """Session id."""
    run: str | None = None
    """The run it belongs to."""
    seq: int | None = None
    """First of the run's event numbers that it carries."""
    seq_end: int | None = None
    """Last of them, where it is not `seq`."""
    to: dict[str, str] | None = None
    """Whom it is for."""
    reply_to: str | None = None
    """Id of the message that it answers."""
    payload: msgspec.Raw | None = None
    """The content. None says that there is none; JSON's null is `Raw(b"null")`."""
    deadline_ms: int | None = None
    """Milliseconds that the client is willing to wait for the run."""
    error: msgspec.Raw | None = None
    """What went wrong: an object with `code`, `message` and `retryable`."""
    meta: msgspec.Raw | None = None
    """A free object."""
    beside: dict[str, msgspec.Raw] = {}
    """Fields that this version does not know, of those beside `type`."""
    wrapped: dict[str, msgspec.Raw] = {}
    """Fields that this version does not know, of those in `_tl`."""


def decode(dialect: Dialect, frame: str | bytes) -> Envelope:
    """Reads one frame.

    Raises FrameRefused: `bad_envelope` where it is no message in this dialect, `payload_too_deep` where it nests too far.
    """
    parts = _spelling.take_apart(dialect, read_text(frame, _depth_max(dialect)))
    return Envelope(
        type=_checked_type(parts.type),
        payload=None if parts.payload is None else raw(parts.payload),
        beside={name: raw(text) for name, text in parts.beside.items()},
        wrapped={name: raw(text) for name, text in parts.wrapped.items()},
        **{name: _read_field(name, text) for name, text in parts.fields.items()},
    )


def encode(dialect: Dialect, envelope: Envelope) -> str:
    """Writes one frame, as text because a WebSocket sends it as text. Raises FrameRefused for an envelope that nobody could read."""
    fields = {name: json_of(getattr(envelope, name)) for name in _READERS if getattr(envelope, name) is not None}
    for name, text in fields.items():
        _read_field(name, text)
    parts = Parts(
        type=_checked_type(envelope.type),
        fields=fields,
        payload=None if envelope.payload is None else json_of(envelope.payload),
        beside=_texts(envelope.beside),
        wrapped=_texts(envelope.wrapped),
    )
    _spelling.check(parts)
    frame = _spelling.put_together(dialect, parts)
    check_nesting(frame, _depth_max(dialect))
    return frame


class _Error(msgspec.Struct):
    code: str
    message: str
    retryable: bool
    retry_after_ms: int | None = None
    trace_id: str | None = None


_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
_FORMS: Final[dict[str, Any]] = {
    "id": Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_.:-]{1,64}\Z")],
    "ts": str,
    "channel": str,
    "pos": str,
    "prev": str,
    "session": str,
    "run": str,
    "seq": _Count,
    "seq_end": _Count,
    "to": dict[str, str],
    "reply_to": str,
    "deadline_ms": _Count,
    "error": _Error,
    "meta": dict[str, msgspec.Raw],
}
_READERS: Final = {name: msgspec.json.Decoder(form) for name, form in _FORMS.items()}


def _read_field(name: str, text: str) -> Any:
    value = read(_READERS[name], name, text)
    if name == "meta":
        return raw(text)
    if name == "error":
        members_of(text, name)
        return raw(text)
    if name == "to" and len(members_of(text, name)) > _HINTS_MAX:
        raise bad(f"to: expected at most {_HINTS_MAX} hints")
    return value


def _checked_type(kind: str) -> str:
    if not 1 <= len(kind.encode(errors="replace")) <= _TYPE_BYTES_MAX:
        raise bad(f"type: expected 1 to {_TYPE_BYTES_MAX} bytes")
    return kind


def _texts(unknown: dict[str, msgspec.Raw]) -> Members:
    return {name: json_of(value) for name, value in unknown.items()}


def _depth_max(dialect: Dialect) -> int:
    if dialect not in DIALECTS:
        raise ValueError(f"{dialect!r} is no dialect")
    return DEPTH_MAX + (_WRAPPING_DEPTH if _spelling.is_spread(dialect) else 0)
