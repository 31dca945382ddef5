"""JSON objects as their members, each of which stays the text that it was.

Purpose: what msgspec leaves open: a name that stands twice, nesting, and members in their order without reading them. It does not know
envelopes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import msgspec

from trunkline.errors import FrameRefused

T = TypeVar("T")
Members = dict[str, str]
"""The members of one object: names, and values as JSON text, in their order."""

_RAW: Final = msgspec.json.Decoder(msgspec.Raw)
_NAME: Final = msgspec.json.Decoder(str)
_STRING: Final = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_MARKS: Final = re.compile(rf"{_STRING}|[\[\]{{}},]", re.DOTALL)
_NAMED: Final = re.compile(rf"\s*({_STRING})\s*:\s*(.*\S)\s*\Z", re.DOTALL)
_OPENING: Final = ("{", "[")
_CLOSING: Final = ("}", "]")


def bad(message: str) -> FrameRefused:
    """Gives the exception for what is no envelope."""
    return FrameRefused("bad_envelope", message)


def read_text(frame: str | bytes, depth_max: int) -> str:
    """Gives a frame's text without white space around it. Raises FrameRefused where it is no JSON, or nests deeper than `depth_max`."""
    try:
        text = frame if isinstance(frame, str) else frame.decode()
        check_nesting(text, depth_max)
        return bytes(_RAW.decode(text)).decode()
    except (msgspec.DecodeError, UnicodeError) as error:
        raise bad(f"the text is no JSON: {error}") from error


def check_nesting(text: str, depth_max: int) -> None:
    """Raises FrameRefused where `text` nests deeper than `depth_max`."""
    if text.count("{") + text.count("[") <= depth_max:
        return
    depth = 0
    for mark in _MARKS.finditer(text):
        depth += (mark[0] in _OPENING) - (mark[0] in _CLOSING)
        if depth > depth_max:
            raise FrameRefused("payload_too_deep", f"arrays and objects are nested deeper than {depth_max} levels")


def members_of(text: str, name: str) -> Members:
    """Takes an object apart; `text` is known to be JSON, and `name` says whose. Raises FrameRefused where a name stands twice."""
    if not is_object(text):
        raise bad(f"{name}: expected an object")
    members: Members = {}
    for part in _parts(text):
        key, value = _named(part)
        if key in members:
            raise bad(f"{key}: stands twice")
        members[key] = value
    return members


def read(reader: msgspec.json.Decoder[T], name: str, text: str) -> T:
    """Reads JSON text into a type; `name` says of what. Raises FrameRefused where it does not fit."""
    try:
        return reader.decode(text)
    except msgspec.ValidationError as error:
        raise bad(f"{name}: {error}") from error


def is_object(text: str) -> bool:
    """Whether JSON text is an object."""
    return text.startswith("{")


def is_text(text: str) -> bool:
    """Whether JSON text is a string."""
    return text.startswith('"')


def json_of(value: Any) -> str:
    """Writes a value as JSON text. Raises FrameRefused where it has no such form, or one that is no valid JSON."""
    try:
        if isinstance(value, msgspec.Raw):
            return bytes(_RAW.decode(value)).decode()
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError, msgspec.DecodeError) as error:
        raise bad(f"{type(value).__name__} has no JSON form: {error}") from error


def object_of(members: Members) -> str:
    """Puts an object together."""
    return "{" + ",".join(f"{json_of(name)}:{text}" for name, text in members.items()) + "}"


def raw(text: str) -> msgspec.Raw:
    """Makes JSON text what an envelope holds."""
    return msgspec.Raw(text.encode())


def _parts(text: str) -> Iterator[str]:
    """Cuts an object at the commas between its members."""
    depth, begin = 0, 1
    for mark in _MARKS.finditer(text):
        depth += (mark[0] in _OPENING) - (mark[0] in _CLOSING)
        if (depth == 1 and mark[0] == ",") or depth == 0:
            part = text[begin : mark.start()]
            begin = mark.end()
            if part.strip():
                yield part


def _named(part: str) -> tuple[str, str]:
    match = _NAMED.match(part)
    if match is None:
        raise bad("a member has no name")
    return _NAME.decode(match[1]), match[2]
