"""Rules about several fields of one message.

Purpose: the generated structs and models call these when they are made. A field counts as given when it is not UNSET, or, in a pydantic
model, when somebody set it. They do not know which message it is.
"""

from __future__ import annotations

from msgspec import UNSET


def at_least_one(message: object, *fields: str) -> None:
    """Raises ValueError unless one of the fields, or more, is given."""
    if not any(_has(message, field) for field in fields):
        raise ValueError(f"expected at least one of {', '.join(fields)}, got none")


def exactly_one(message: object, *fields: str) -> None:
    """Raises ValueError unless one of the fields is given and no other of them."""
    given = [field for field in fields if _has(message, field)]
    if len(given) != 1:
        raise ValueError(f"expected exactly one of {', '.join(fields)}, got {', '.join(given) or 'none'}")


def when(message: object, field: str, value: str | bool, *, then: tuple[str, ...], otherwise: tuple[str, ...]) -> None:
    """Raises ValueError where a field is missing: of `then` if `field` has that value or is left out, of `otherwise` if not."""
    holds = not _has(message, field) or getattr(message, field) == value
    for needed in then if holds else otherwise:
        if not _has(message, needed):
            raise ValueError(f"{needed}: missing")


def _has(message: object, field: str) -> bool:
    given: set[str] | None = getattr(message, "model_fields_set", None)
    return getattr(message, field) is not UNSET if given is None else field in given
