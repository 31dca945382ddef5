"""Where the parts of a message stand in a frame of each dialect.

Purpose: `protocol/client.md`, sections 1 and 8, in both directions, each the opposite of the other. It does not know the forms of the
fields: every value is JSON text.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

from trunkline._members import Members, bad, is_object, is_text, json_of, members_of, object_of, read
from trunkline.errors import FrameRefused

Dialect = Literal["native", "payload", "data", "flat", "open"]
"""A wire spelling of the envelope."""

DIALECTS: Final[tuple[Dialect, ...]] = get_args(Dialect)
"""Every dialect."""

FIELDS: Final = frozenset(
    ("id", "ts", "channel", "pos", "prev", "session", "run", "seq", "seq_end", "to", "reply_to", "deadline_ms", "error", "meta")
)
"""The envelope's fields with the same meaning in every dialect: all but the type and the payload."""

_UNKNOWN_FIELDS_MAX: Final = 64
_WRAPPER: Final = "_tl"
_BESIDE: Final = "_beside"  # in `_tl`: fields that stood beside `type` in another dialect and cannot in this one
_CONTENT: Final = "_content"  # in `_tl`: names of the payload's members that look like fields of the envelope
_METADATA: Final = "metadata"
_PAYLOAD_NAMES: Final[dict[Dialect, str]] = {"native": "payload", "payload": "payload", "data": "data"}
_FLAT_NAMES: Final = {"message_id": "id", "timestamp": "ts", "session_id": "session"}
_TEXT: Final = msgspec.json.Decoder(str)
_NAMES: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXTS: Final = msgspec.json.Decoder(list[str])


class Parts(msgspec.Struct):
    """A message in parts, as JSON text."""

    type: str = ""
    fields: Members = {}
    payload: str | None = None
    beside: Members = {}
    """Unknown fields of those beside `type`."""
    wrapped: Members = {}
    """Unknown fields of those in `_tl`."""


def is_spread(dialect: Dialect) -> bool:
    """Whether the payload's members stand beside `type`."""
    return dialect not in _PAYLOAD_NAMES


def take_apart(dialect: Dialect, frame: str) -> Parts:
    """Reads the text of a frame, which is known to be JSON. Raises FrameRefused where it is none of this dialect."""
    members = members_of(frame, "the frame")
    parts = Parts(type=read(_TEXT, "type", members.pop("type", '""')))
    if is_spread(dialect):
        _take_spread(parts, dialect, members)
    else:
        _take_named(parts, dialect, members)
    check(parts)
    return parts


def put_together(dialect: Dialect, parts: Parts) -> str:
    """Writes the text of a frame."""
    members = _spread(parts, dialect) if is_spread(dialect) else _named(parts, dialect)
    return object_of({"type": json_of(parts.type), **members})


def check(parts: Parts) -> None:
    """Raises FrameRefused where an unknown field has the name of a known one, or there are too many."""
    for name in parts.beside:
        if name in FIELDS or name in ("type", _WRAPPER):
            raise bad(f"{name}: is no unknown field")
    for name in parts.wrapped:
        if name in FIELDS or name in ("payload", _BESIDE, _CONTENT):
            raise bad(f"{_WRAPPER}.{name}: has no place in this dialect")
    if len(parts.beside) + len(parts.wrapped) > _UNKNOWN_FIELDS_MAX:
        raise bad(f"more than {_UNKNOWN_FIELDS_MAX} unknown fields beside the payload")


# Dialects in which the payload has a name


def _take_named(parts: Parts, dialect: Dialect, members: Members) -> None:
    wrapper = members.pop(_WRAPPER, "{}")
    parts.payload = members.pop(_PAYLOAD_NAMES[dialect], None)
    for name, text in members.items():
        if name not in FIELDS:
            parts.beside[name] = text
        elif dialect == "native":
            parts.fields[name] = text
        else:
            raise bad(f"{name}: stands in {_WRAPPER} in this dialect")
    _take_wrapper(parts, dialect, wrapper)


def _named(parts: Parts, dialect: Dialect) -> Members:
    members = dict(parts.fields) if dialect == "native" else {}
    if parts.payload is not None:
        members[_PAYLOAD_NAMES[dialect]] = parts.payload
    members |= {name: text for name, text in parts.beside.items() if _can_stand_beside(dialect, name)}
    wrapper = _wrapper(parts, dialect, {} if dialect == "native" else parts.fields)
    return {**members, _WRAPPER: object_of(wrapper)} if wrapper else members


# Dialects in which the payload's members stand beside `type`


def _take_spread(parts: Parts, dialect: Dialect, members: Members) -> None:
    content = _take_wrapper(parts, dialect, members.pop(_WRAPPER, "{}"))
    if dialect == "flat":
        content += _take_metadata(parts, members)
        for name, field in _FLAT_NAMES.items():
            if name not in content and is_text(members.get(name, "")):
                _put(parts.fields, field, members.pop(name))
    if members and parts.payload is not None:
        raise bad(f"{next(iter(members))}: the payload stands in {_WRAPPER} already")
    if members:
        parts.payload = object_of(members)


def _take_metadata(parts: Parts, members: Members) -> list[str]:
    """Takes `_tl` out of `metadata`, if it is there; otherwise that is a member like any other."""
    if not _has_wrapper(members.get(_METADATA, "")):
        return []
    inside = members_of(members.pop(_METADATA), _METADATA)
    content = _take_wrapper(parts, "flat", inside.pop(_WRAPPER))
    if inside:
        members[_METADATA] = object_of(inside)
    return content


def _spread(parts: Parts, dialect: Dialect) -> Members:
    content = _content(parts.payload, dialect)
    members = dict(content or {})
    aside: Members = {} if parts.payload is None or content is not None else {"payload": parts.payload}
    fields = dict(parts.fields)
    front: Members = {}
    if dialect == "flat":
        kept = [name for name in members if name in _FLAT_NAMES and is_text(members[name])]
        if kept:
            aside[_CONTENT] = json_of(kept)
        front = {name: fields.pop(field) for name, field in _FLAT_NAMES.items() if field in fields and name not in members}
    wrapper = _wrapper(parts, dialect, {**aside, **fields})
    if wrapper:
        _put_wrapper(members, dialect, object_of(wrapper))
    return {**front, **members}


def _put_wrapper(members: Members, dialect: Dialect, wrapper: str) -> None:
    """Puts `_tl` into `metadata` in dialect flat, unless the payload has a member of this name that cannot hold it."""
    inside = _distinct(members.pop(_METADATA, "{}")) if dialect == "flat" and _can_hold_wrapper(members) else None
    if inside is None:
        members[_WRAPPER] = wrapper
    else:
        members[_METADATA] = object_of({**inside, _WRAPPER: wrapper})


def _can_hold_wrapper(members: Members) -> bool:
    metadata = members.get(_METADATA)
    return metadata is None or bool(_distinct(metadata))


def _content(payload: str | None, dialect: Dialect) -> Members | None:
    """The payload's members, if they can stand beside `type` without being taken for something else."""
    members = _distinct(payload or "")
    if not members or "type" in members or _WRAPPER in members:
        return None
    if dialect == "flat" and _has_wrapper(members.get(_METADATA, "")):
        return None
    return members


def _has_wrapper(text: str) -> bool:
    """Whether `_tl` stands in an object, be there other names twice or not."""
    return is_object(text) and _WRAPPER in _NAMES.decode(text)


def _distinct(text: str) -> Members | None:
    """The members of an object, or None where it is none, or one in which a name stands twice."""
    if not is_object(text):
        return None
    try:
        return members_of(text, _METADATA)
    except FrameRefused:
        return None


# The object `_tl`


def _take_wrapper(parts: Parts, dialect: Dialect, wrapper: str) -> list[str]:
    """Reads `_tl`, and gives the names in `_content`."""
    members = members_of(wrapper, _WRAPPER)
    for name, text in members_of(members.pop(_BESIDE, "{}"), f"{_WRAPPER}.{_BESIDE}").items():
        _put(parts.beside, name, text)
    content: list[str] = []
    if is_spread(dialect):
        content = read(_TEXTS, f"{_WRAPPER}.{_CONTENT}", members.pop(_CONTENT, "[]"))
        if "payload" in members:
            parts.payload = _once(parts.payload, members.pop("payload"))
    for name, text in members.items():
        _put(parts.fields if name in FIELDS and dialect != "native" else parts.wrapped, name, text)
    return content


def _wrapper(parts: Parts, dialect: Dialect, fields: Members) -> Members:
    homeless = {name: text for name, text in parts.beside.items() if not _can_stand_beside(dialect, name)}
    wrapper = {**fields, **parts.wrapped}
    return {**wrapper, _BESIDE: object_of(homeless)} if homeless else wrapper


def _can_stand_beside(dialect: Dialect, name: str) -> bool:
    return name != _PAYLOAD_NAMES.get(dialect, name)


def _put(members: Members, name: str, text: str) -> None:
    if name in members:
        raise bad(f"{name}: stands twice")
    members[name] = text


def _once(payload: str | None, text: str) -> str:
    if payload is not None:
        raise bad("payload: stands twice")
    return text
