"""Payloads between what handlers take and give, and the bytes that travel.

Purpose: the choice of the codec: JSON, unless a value holds what JSON has no type for. It does not know messages or calls.
"""

from __future__ import annotations

import sys
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from trunkline import _json, _messagepack
from trunkline.errors import BadRequest

JSON: Final = "json"
MESSAGEPACK: Final = "msgpack"
CODECS: Final = (JSON, MESSAGEPACK)

UNSPELLABLE: Final = _json.UNSPELLABLE
"""What `write` raises for what can be written in neither codec."""

_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
_RICH: Final = (bytes, bytearray, memoryview, datetime, UUID, Decimal)


class Written(NamedTuple):
    """A value as it travels."""

    codec: str
    payload: bytes


def write(value: Any) -> Written:
    """Writes a value: as MessagePack where it holds bytes, arrays, datetimes, UUIDs or Decimals, as JSON otherwise.

    Raises one of `UNSPELLABLE`.
    """
    if _is_plain(value):
        return Written(JSON, _json.encode(value))
    tree = _Tree()
    rich = tree.of(value)
    if tree.is_rich:
        return Written(MESSAGEPACK, _messagepack.encode(rich))
    return Written(JSON, _json.encode(value))


def read(codec: str, payload: bytes, shape: Any) -> Any:
    """Reads a payload into the type `shape`. Raises BadRequest that names the path of what does not fit."""
    if codec == JSON:
        return _json.read(payload, shape)
    try:
        tree = _messagepack.decode(payload)
    except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError) as error:
        raise BadRequest("the payload is no MessagePack", details={"path": "$"}) from error
    return tree if shape is Any else _json.convert(tree, shape)


def _is_plain(value: Any) -> bool:
    """Whether a value has JSON's types only. A list's types are looked at together, so that long ones cost little."""
    kind = type(value)
    if kind in _PLAIN:
        return True
    if kind is dict:
        return _are_plain(value.values())
    return (kind is list or kind is tuple) and _are_plain(value)


def _are_plain(values: Any) -> bool:
    others = set(map(type, values)) - _PLAIN
    return not others or (others <= {dict, list, tuple} and all(map(_is_plain, values)))


class _Tree:
    """A value as dicts and lists, with extension values where JSON has no type."""

    def __init__(self) -> None:
        self.is_rich = False
        # `to_builtins` passes byte strings through, so each array is one of these until the tree is there.
        self._arrays: dict[int, tuple[bytes, msgspec.msgpack.Ext]] = {}

    def of(self, value: Any) -> Any:
        return self._extended(msgspec.to_builtins(value, builtin_types=_RICH, str_keys=True, enc_hook=self._other))

    def _other(self, value: Any) -> Any:
        if _json.is_array(value) and (extension := _messagepack.array_extension(value)) is not None:
            place = bytes(bytearray(16))
            self._arrays[id(place)] = (place, extension)
            return place
        if _json.is_pydantic(type(value)):
            dumped = value.model_dump()
            return dumped if _holds_bytes(dumped) else value.model_dump(mode="json")
        return _json.encode_other(value)

    def _extended(self, item: Any) -> Any:
        kind = type(item)
        if kind is dict:
            return {key: self._extended(value) for key, value in item.items()}
        if kind is list:
            return [self._extended(value) for value in item]
        if kind in _PLAIN:
            return item
        self.is_rich = True
        if kind is bytes and id(item) in self._arrays:
            return self._arrays[id(item)][1]
        return _messagepack.extension(item)


def _holds_bytes(value: Any) -> bool:
    """Whether what a model dumped has what its JSON cannot say."""
    if isinstance(value, dict):
        return any(map(_holds_bytes, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_holds_bytes, value))
    return isinstance(value, bytes | bytearray) or (_json.is_array(value) and "numpy" in sys.modules)
