"""A worker whose payloads hold what JSON has no types for.

Purpose: shows what becomes of bytes, datetimes, UUIDs, Decimals and numpy arrays on their way to clients and to another service.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np

from trunkline import Event, Run, Worker

worker = Worker("rich")

IMAGE = bytes(range(256))


@worker.service("rich")
async def rich(ask: dict[str, Any], run: Run) -> AsyncIterator[Any]:
    """Says what it got, emits one value of each type, and asks the other service what it got of them."""
    sketch = ask.get("sketch")
    yield f"a {type(sketch).__name__}: "
    values = {
        "image": IMAGE,
        "at": datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC),
        "id": UUID("12345678-90ab-cdef-1234-567890abcdef"),
        "cost": Decimal("1.50"),
        "vector": np.array([[1.5, -2.0]], np.float32),
    }
    yield Event("image", {**values, "sketch": sketch})
    yield Event("types", await run.call("types", values))


@worker.service("types")
async def types(values: dict[str, Any]) -> dict[str, str]:
    """Gives the names of the types that arrived."""
    return {name: type(value).__name__ for name, value in values.items()}
