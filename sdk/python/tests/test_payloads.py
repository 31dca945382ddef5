"""Payloads with what JSON has no types for."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt
import pydantic
import pytest

import make_codec_vectors
from trunkline import BadRequest, Event, Run, Worker, _event, _payload
from trunkline._payload import JSON, MESSAGEPACK, Written
from trunkline.testing import TestClient

VECTORS: dict[str, Any] = json.loads(make_codec_vectors.PLACE.read_text())
WRITTEN = [pytest.param(case, id=case["name"]) for case in VECTORS["worker_payloads"] if "python" in case]
IDENTIFIER = UUID("12345678-90ab-cdef-1234-567890abcdef")
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)


def python(case: dict[str, Any]) -> Any:
    names = {"datetime": datetime, "UTC": UTC, "UUID": UUID, "Decimal": Decimal, "np": np}
    return eval(case["python"], names)  # noqa: S307 - the vectors are ours


def same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray):
        return isinstance(right, np.ndarray) and left.dtype == right.dtype and np.array_equal(left, right)
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and bool(left == right)


def test_the_file_is_what_its_source_says() -> None:
    assert make_codec_vectors.PLACE.read_text() == make_codec_vectors.render()


@pytest.mark.parametrize("case", WRITTEN)
def test_a_golden_payload_is_written_and_read(case: dict[str, Any]) -> None:
    value = python(case)
    wire = bytes.fromhex(case["msgpack_hex"])
    if not isinstance(value, datetime) or "zone" not in case["name"]:
        assert _payload.write(value) == Written(MESSAGEPACK, wire)
    assert same(_payload.read(MESSAGEPACK, wire, Any), value)


# The others are bounds of the gateway: nesting, keys that are no text, shapes of nothing.
UNREADABLE = ["nothing", "trailing bytes", "unknown extension type", "timestamp of five bytes", "timestamp beyond the year 9999"]
UNREADABLE += ["UUID of 15 bytes", "Decimal that is none", "array shorter than its shape", "array of objects"]
BAD = {case["name"]: case for case in VECTORS["rejected_worker_payloads"]}


@pytest.mark.parametrize("case", [pytest.param(BAD[name], id=name) for name in UNREADABLE])
def test_a_bad_payload_is_a_bad_request(case: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        _payload.read(MESSAGEPACK, bytes.fromhex(case["msgpack_hex"]), Any)


class Colour(Enum):
    RED = "red"


class Point(msgspec.Struct):
    x: int


@dataclass
class Pair:
    left: object


class Model(pydantic.BaseModel):
    content: Any = None
    at: datetime = MOMENT


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        [1, [2.5, {"a": (True, None)}]],
        {"a": {1: "b"}},
        Point(1),
        Pair([Colour.RED]),
        {Colour.RED, "x"},
        date(2026, 1, 2),
        Model(content="x"),
        np.float32(1.5),
        {"n": np.int64(3)},
        np.array(["a", "b"]),
    ],
    ids=repr,
)
def test_what_json_can_say_stays_json(value: Any) -> None:
    assert _payload.write(value).codec == JSON


@pytest.mark.parametrize(
    ("value", "tree"),
    [
        (Pair(b"\x00"), {"left": b"\x00"}),
        ([Point(1), bytearray(b"\x00")], [{"x": 1}, b"\x00"]),
        ({1: memoryview(b"\x00")}, {"1": b"\x00"}),
        ((Colour.RED, b""), ["red", b""]),
        (Model(content=b"\xff"), {"content": b"\xff", "at": MOMENT}),
        ({"deep": [{"id": IDENTIFIER}]}, {"deep": [{"id": IDENTIFIER}]}),
    ],
    ids=repr,
)
def test_bytes_are_found_wherever_they_are(value: Any, tree: Any) -> None:
    codec, payload = _payload.write(value)
    assert codec == MESSAGEPACK
    assert _payload.read(codec, payload, Any) == tree


def test_arrays_keep_kind_and_shape() -> None:
    for array in (np.arange(6, dtype=">i4").reshape(2, 3), np.arange(6.0).reshape(2, 3).T, np.zeros((2, 0), np.uint16)):
        read = _payload.read(*_payload.write([array, array]), Any)
        assert np.array_equal(read[0], array)
        assert read[1].shape == array.shape
        assert read[0].flags.writeable


def test_arrays_are_lists_where_there_is_no_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    written = _payload.write({"a": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.zeros((2, 0)), "c": np.array([True])})
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert _payload.read(*written, Any) == {"a": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], "b": [[], []], "c": [True]}


def test_a_datetime_without_zone_is_refused() -> None:
    naive = datetime(2026, 1, 2)
    for value in (naive, [{"at": naive}], Pair(naive)):
        with pytest.raises(ValueError, match="time zone"):
            _payload.write(value)


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Any] = [b""]
    value.append(value)
    with pytest.raises(_payload.UNSPELLABLE):
        _payload.write(value)
    with pytest.raises(_payload.UNSPELLABLE):
        _payload.write(object())


def test_text_is_no_payload_of_a_codec() -> None:
    assert _event.spell("token").codec == JSON
    assert _event.spell(b"\x00").codec == MESSAGEPACK


class Order(msgspec.Struct):
    raw: bytes
    at: datetime
    id: UUID
    cost: Decimal
    vector: npt.NDArray[np.float32]


RICH: dict[str, Any] = {"raw": b"\xff", "at": MOMENT, "id": IDENTIFIER, "cost": Decimal("1.50")}


async def test_a_handler_takes_and_gives_rich_values() -> None:
    worker = Worker("w")

    @worker.service("typed")
    async def typed(order: Order) -> AsyncIterator[Any]:
        assert isinstance(order.vector, np.ndarray)
        yield order
        yield Event("order", [order.raw, order.at, order.id, order.cost, order.vector * 2])

    @worker.service("whole", threads=True)
    def whole(value: Any) -> Any:
        return value

    @worker.service("calls")
    async def calls(value: Any, run: Run) -> Any:
        return await run.call("whole", value)

    @worker.service("model")
    async def model(value: Model) -> Any:
        return value.content

    vector = np.array([1, 2], np.float32)
    async with TestClient(worker) as client:
        events = [event async for event in client.run("typed", {**RICH, "vector": vector})]
        assert isinstance(events[0], Event)
        assert isinstance(events[1], Event)
        assert same(events[0].payload, {**RICH, "vector": vector})
        assert events[1].payload[:4] == list(RICH.values())
        assert np.array_equal(events[1].payload[4], vector * 2)
        # What a client that speaks JSON would send.
        texts = {"raw": "/w==", "at": "2026-01-02T03:04:05.678Z", "id": str(IDENTIFIER), "cost": "1.50", "vector": [1, 2]}
        events = [event async for event in client.run("typed", texts)]
        assert isinstance(events[0], Event)
        assert same({**events[0].payload, "vector": None}, {**RICH, "vector": None})
        for service in ("whole", "calls"):
            assert same(await client.run(service, {**RICH, "vector": vector}), {**RICH, "vector": vector})
        assert await client.run("model", {"content": b"\xff"}) == b"\xff"
        run = client.run("typed", {"raw": b"", "at": 1, "id": IDENTIFIER, "cost": Decimal(1), "vector": []})
        assert [event async for event in run] == []
        assert run.error is not None
        assert run.error["code"] == "bad_request"


class Odd: ...


async def unreadable(value: Odd) -> None: ...


def test_the_schema_names_arrays() -> None:
    worker = Worker("w")

    @worker.service("typed")
    async def typed(order: Order) -> None: ...

    schema = worker.services["typed"].input_schema
    assert schema is not None
    assert schema["$defs"]["Order"]["properties"]["vector"] == {"type": "array"}

    @worker.service("odd")
    async def fine(value: npt.NDArray[np.float32]) -> None: ...

    with pytest.raises(TypeError, match="cannot be read"):
        worker.service("none")(unreadable)
