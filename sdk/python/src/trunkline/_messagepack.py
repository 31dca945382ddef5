"""Values that JSON has no types for, as MessagePack and back.

Purpose: `protocol/worker.md` §6: byte strings, and the extension types of datetime, UUID, Decimal and arrays. numpy is used only where
it is there. It does not know when MessagePack is chosen: that is `_payload`'s.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.msgpack import Ext

UUID_CODE: Final = 1
DECIMAL_CODE: Final = 2
ARRAY_CODE: Final = 3

_FORMATS: Final = {
    "|b1": "?",
    "|u1": "B",
    "<u2": "H",
    "<u4": "I",
    "<u8": "Q",
    "|i1": "b",
    "<i2": "h",
    "<i4": "i",
    "<i8": "q",
    "<f2": "e",
    "<f4": "f",
    "<f8": "d",
}
"""The kinds of number that an array may hold, by their names in numpy's array interface, and as `struct` names them."""


def extension(value: Any) -> Any:
    """Gives the extension value of a UUID or a Decimal, and any other value as it is. Raises ValueError for a datetime without zone."""
    if isinstance(value, UUID):
        return Ext(UUID_CODE, value.bytes)
    if isinstance(value, Decimal):
        return Ext(DECIMAL_CODE, str(value).encode())
    if isinstance(value, datetime) and value.utcoffset() is None:
        raise ValueError(f"{value!r} has no time zone: nobody else can know which moment it is")
    return value


def array_extension(array: Any) -> Ext | None:
    """Gives the extension value of a numpy array, or None for one whose elements have no kind here."""
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    kind = array.dtype.str
    if kind not in _FORMATS or not array.shape:
        return None
    return Ext(ARRAY_CODE, msgspec.msgpack.encode((kind, array.shape, array.tobytes())))


def encode(tree: Any) -> bytes:
    """Writes a tree of JSON's types, bytes, datetimes with zone and extension values."""
    return _encoder.encode(tree)


def decode(payload: bytes) -> Any:
    """Reads MessagePack. Raises msgspec.DecodeError, ValueError or ArithmeticError where it is none."""
    return _decoder.decode(payload)


def _read_extension(code: int, data: memoryview) -> Any:
    if code == UUID_CODE:
        return UUID(bytes=bytes(data))
    if code == DECIMAL_CODE:
        return Decimal(bytes(data).decode())
    if code == ARRAY_CODE:
        return _read_array(data)
    raise ValueError(f"extension type {code} is not registered")


def _read_array(data: memoryview) -> Any:
    kind, shape, elements = _array_decoder.decode(data)
    if kind not in _FORMATS:
        raise ValueError(f"an array of {kind} is not known here")
    try:
        import numpy as np
    except ImportError:
        return _nest(iter(value for (value,) in struct.iter_unpack(f"<{_FORMATS[kind]}", elements)), shape)
    return np.frombuffer(elements, dtype=kind).reshape(shape).copy()


def _nest(elements: Iterator[Any], shape: tuple[int, ...]) -> Any:
    return [_nest(elements, shape[1:]) for _ in range(shape[0])] if shape else next(elements)


_encoder: Final = msgspec.msgpack.Encoder()
_array_decoder: Final = msgspec.msgpack.Decoder(tuple[str, tuple[int, ...], bytes])
_decoder: Final = msgspec.msgpack.Decoder(ext_hook=_read_extension)
