"""What the generated models have in common.

Purpose: JSON Schema's meaning where pydantic's own is another: 1.0 is an integer and true is none, a field that may be left out may not
be null, and what nobody set is not written. No message type is known here.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, SerializerFunctionWrapHandler, TypeAdapter, model_serializer
from pydantic_core import from_json

T = TypeVar("T")


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _not_null(value: Any) -> Any:
    if value is None:
        raise ValueError("null where the field is there")
    return value


def _boolean(value: Any) -> Any:
    if not isinstance(value, bool):
        raise ValueError("no boolean")
    return value


def _absent(value: Any) -> Any:
    raise ValueError("this field must not be there")


Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number, 1.0 too."""
Absent = Annotated[None, BeforeValidator(_absent)]
"""A field that must not be there."""
NOT_NULL: Final = BeforeValidator(_not_null)
"""Marks a field that may be left out, but not be null."""
STRICT: Final = BeforeValidator(_boolean)
"""Marks a boolean, which is not a number."""


class Model(BaseModel, frozen=True):
    """A message, or a part of one. Fields that it does not name are kept."""

    model_config = ConfigDict(
        extra="allow",
        strict=True,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        protected_namespaces=(),
        defer_build=True,
    )

    @model_serializer(mode="wrap")
    def _leave_out(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        for name, field in type(self).model_fields.items():
            if name not in self.model_fields_set and getattr(self, name) is None:
                written.pop(field.serialization_alias or name, None)
                written.pop(name, None)
        return written


def read(shape: TypeAdapter[T], text: bytes | str) -> T:
    """Reads JSON into a model. Raises ValueError where it does not fit, or is no JSON."""
    found = shape.validate_json(text)
    # pydantic reads these words as numbers, which JSON does not have; within a string they are fine.
    spelled = text.encode() if isinstance(text, str) else text
    if b"NaN" in spelled or b"Infinity" in spelled:
        from_json(spelled, allow_inf_nan=False)
    return found
