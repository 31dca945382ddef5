"""The golden frames of `protocol/vectors/messages`, and the modules of each dialect."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from trunkline.messages import Dialect

PROTOCOL: Final = Path(__file__).parents[3] / "protocol"
DIALECTS: Final[tuple[Dialect, ...]] = ("native", "payload", "data", "flat", "open")


class Golden(NamedTuple):
    """A golden frame; `path` is the field that is wrong, or None where nothing is."""

    type: str
    frame: dict[str, Any]
    path: str | None


def golden(dialect: str) -> Iterator[Golden]:
    """Gives the frames of a dialect."""
    for kind in json.loads((PROTOCOL / "vectors" / "messages" / f"{dialect}.json").read_text())["messages"]:
        yield from (Golden(kind["type"], frame, None) for frame in kind["accepted"])
        yield from (Golden(kind["type"], rejected["frame"], rejected["path"]) for rejected in kind["rejected"])


def definitions(dialect: str) -> dict[str, Any]:
    """Gives the schema's definition of each type of a dialect."""
    schema: dict[str, Any] = json.loads((PROTOCOL / "schema" / "messages" / f"{dialect}.schema.json").read_text())
    return schema["$defs"]  # type: ignore[no-any-return]


def structs(dialect: str) -> ModuleType:
    """Gives the dialect's module of msgspec structs."""
    return importlib.import_module(f"trunkline.messages.{dialect}")


def models(dialect: str) -> ModuleType:
    """Gives the dialect's module of pydantic models."""
    return importlib.import_module(f"trunkline.models.{dialect}")
