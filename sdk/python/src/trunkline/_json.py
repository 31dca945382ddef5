"""Payloads as JSON, from and into what handlers take and give.

Purpose: msgspec's types, dataclasses and pydantic models on both sides, with pydantic only where it is already imported. It does not
know messages or calls.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable
from typing import Any, Final, get_origin

import msgspec

from trunkline.errors import BadRequest

UNSPELLABLE: Final = (TypeError, ValueError, OverflowError, RecursionError)
"""What `encode` raises for what has no JSON form."""
UNREADABLE: Final = (msgspec.DecodeError, ValueError, RecursionError)
"""What reading raises for what is no JSON."""
INTEGER_MAX: Final = 2**53 - 1
"""The largest integer of the protocol."""


def whole(text: str) -> float:
    """Reads a number of JSON, which knows one kind of them: 1.0 is an integer. What no float holds is infinite."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) <= INTEGER_MAX else number


def _finite(text: str) -> float:
    number = whole(text)
    if math.isinf(number):
        raise ValueError("a number that no float holds")
    return number


_ANY: Final = msgspec.json.Decoder(float_hook=float)
_WHOLE: Final = msgspec.json.Decoder(float_hook=whole)
_FINITE: Final = msgspec.json.Decoder(float_hook=_finite)


def encode(value: Any) -> bytes:
    """Writes `value` as JSON. Raises one of `UNSPELLABLE` for what has no JSON form."""
    return msgspec.json.encode(value, enc_hook=encode_other)


def decode(payload: bytes) -> Any:
    """Reads JSON of any shape; an empty payload is null. Raises BadRequest where it is no JSON."""
    return read(payload, Any)


def decode_any(text: bytes | str) -> Any:
    """Reads JSON of any shape, a number that no float holds as infinite. Raises one of `UNREADABLE` where it is no JSON."""
    return _ANY.decode(text)


def decode_as(text: bytes | str, shape: Any) -> Any:
    """Reads JSON into the type `shape`. Raises msgspec.ValidationError where it does not fit, or another of `UNREADABLE`."""
    try:
        return msgspec.json.decode(text, type=shape, dec_hook=_decode_other)
    except msgspec.ValidationError:
        # Perhaps only because msgspec's own reading takes 1.0 for no integer.
        return msgspec.convert(_FINITE.decode(text), shape, dec_hook=_decode_other)


def read(payload: bytes, shape: Any) -> Any:
    """Reads JSON into the type `shape`. Raises BadRequest that names the path of what does not fit."""
    if is_pydantic(shape):
        return _read_pydantic(shape, lambda: shape.model_validate_json(payload or b"null"))
    try:
        return decode_as(payload or b"null", shape)
    except msgspec.ValidationError as error:
        raise _misfit(error, _WHOLE.decode(payload or b"null"), shape) from error
    except UNREADABLE as error:
        raise BadRequest("the payload is no JSON", details={"path": "$"}) from error


def convert(tree: Any, shape: Any) -> Any:
    """Reads what was decoded already into the type `shape`. Raises as `read` does."""
    if is_pydantic(shape):
        return _read_pydantic(shape, lambda: shape.model_validate(tree))
    try:
        return msgspec.convert(tree, shape, dec_hook=_decode_other)
    except msgspec.ValidationError as error:
        raise _misfit(error, tree, shape) from error


def schema(shape: Any) -> dict[str, Any] | None:
    """Gives the JSON Schema of `shape`, or None where it says nothing. Raises TypeError for a type that cannot be read."""
    if shape is Any:
        return None
    if is_pydantic(shape):
        described: dict[str, Any] = shape.model_json_schema()
        return described
    return msgspec.json.schema(shape, schema_hook=_describe_other)


def encode_other(value: Any) -> Any:
    """Gives what `msgspec` can write in place of a value of another type. Raises TypeError where there is nothing."""
    if is_pydantic(type(value)):
        return value.model_dump(mode="json")
    if hasattr(value, "tolist"):  # arrays and their scalars
        return value.tolist()
    missing = "; is an await missing?" if inspect.isawaitable(value) else ""
    raise TypeError(f"{type(value).__name__} has no JSON form{missing}")


def is_array(value: Any) -> bool:
    """Whether a value is a numpy array, which has dimensions where a scalar has none."""
    return hasattr(value, "dtype") and hasattr(value, "tobytes") and bool(getattr(value, "shape", ()))


def is_pydantic(shape: Any) -> bool:
    """Whether a type is a pydantic model."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(shape, type) and issubclass(shape, pydantic.BaseModel)


def _misfit(error: msgspec.ValidationError, tree: Any, shape: Any) -> BadRequest:
    text, _, path = str(error).partition(" - at `")
    path = path.rstrip("`") or "$"
    if path.startswith(_SOME_KEY) and isinstance(tree, dict) and (key := _misfitting_key(tree, shape)) is not None:
        path = f"$.{key}{path.removeprefix(_SOME_KEY)}"
    return BadRequest(f"{path}: {text}", details={"path": path})


_SOME_KEY: Final = "$[...]"
"""How msgspec begins the path of what stands somewhere in a dict."""


def _misfitting_key(tree: dict[str, Any], shape: Any) -> str | None:
    """Gives the first key of a dict whose value alone does not fit its shape."""
    for key, value in tree.items():
        try:
            msgspec.convert({key: value}, shape, dec_hook=_decode_other)
        except msgspec.ValidationError:
            return key
    return None


def _decode_other(shape: Any, value: Any) -> Any:
    numpy = _numpy_of(shape)
    if numpy is None:
        raise TypeError(f"{shape} cannot be read")
    return value if isinstance(value, numpy.ndarray) else numpy.asarray(value)


def _describe_other(shape: Any) -> dict[str, Any]:
    if _numpy_of(shape) is None:
        raise TypeError(f"{shape} cannot be read")
    return {"type": "array"}


def _numpy_of(shape: Any) -> Any:
    """The module numpy, where `shape` is its array type."""
    numpy = sys.modules.get("numpy")
    return numpy if numpy is not None and (get_origin(shape) or shape) is numpy.ndarray else None


def _read_pydantic(shape: Any, read: Callable[[], Any]) -> Any:
    import pydantic

    try:
        return read()
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"])
        raise BadRequest(f"{path}: {first['msg']}", details={"path": path}) from error
