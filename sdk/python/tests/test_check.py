"""What the check says of a message, word for word as the gateway's own."""

from __future__ import annotations

import json
import math
from typing import Any, get_args

import pytest

from trunkline.messages import Dialect, Fault, check, payload
from trunkline.messages._shape import NESTED_MAX
from trunkline.messages._words import quoted, spelled
from trunkline.models import payload as payload_models
from vectors import DIALECTS, PROTOCOL, definitions, golden


@pytest.mark.parametrize("dialect", DIALECTS)
def test_golden_frames_are_accepted_or_refused_for_the_field_that_is_wrong(dialect: Dialect) -> None:
    for kind, frame, path in golden(dialect):
        for given in (frame, json.dumps(frame), json.dumps(frame).encode()):
            fault = check(dialect, given)
            found = None if fault is None else fault.path
            assert found == path, (kind, frame, fault)


@pytest.mark.parametrize("case", json.loads((PROTOCOL / "vectors" / "faults.json").read_text())["cases"], ids=lambda case: case["frame"])
def test_the_words_are_those_of_every_language(case: dict[str, Any]) -> None:
    fault = check(case["dialect"], case["frame"], sender=case.get("sender"))
    assert (None if fault is None else fault._asdict()) == case["fault"]


@pytest.mark.parametrize(
    ("dialect", "frame", "said"),
    [
        ("data", '{"type":"gpu_metrics","data":{"vram_used":true}}', "data.vram_used: expected integer, got boolean"),
        (
            "data",
            '{"type":"gpu_metrics","data":{"vram_used":9007199254740993}}',
            "data.vram_used: expected at most 9007199254740991, got 9007199254740992",
        ),
        ("data", '{"type":"gpu_metrics","data":{"vram_used":1e400}}', "data.vram_used: expected integer, got number"),
        ("data", '{"type":"manage_mcp_server","data":{"action":1.0}}', "data.action: expected one of start, stop, restart, got integer"),
        ("flat", '{"type":"agent_streaming","is_streaming":1}', "is_streaming: expected true, got integer"),
        ("payload", '{"type":"file.stat","payload":{"path":"a"}}', None),
    ],
)
def test_numbers_and_booleans_are_told_apart_as_in_json(dialect: Dialect, frame: str, said: str | None) -> None:
    fault = check(dialect, frame)
    assert (None if fault is None else str(fault)) == said


def test_a_local_type_is_for_nobody_to_send() -> None:
    frame = next(found for kind, found, path in golden("data") if kind == "connection_error" and path is None)
    assert check("data", frame) is None
    fault = Fault("direction", "type", "connection_error is raised by the client library and never sent")
    assert check("data", frame, sender="gateway") == fault


@pytest.mark.parametrize(
    "text", ["", "{", '{"type":"ping"} x', '{"type":NaN}', '{"type":"\\ud800"}', '\ufeff{"type":"ping"}', "[" * 100_000]
)
def test_what_is_no_json_is_said_to_be_none(text: str) -> None:
    fault = check("payload", text)
    assert fault is not None
    assert (fault.kind, fault.path) == ("not_json", "")
    assert str(fault).startswith("no JSON: ")


def test_bytes_that_are_no_text_are_no_json() -> None:
    fault = check("payload", b'{"type":"\xff"}')
    assert fault is not None
    assert fault.kind == "not_json"


def test_what_no_shape_describes_may_be_deep_but_not_endless() -> None:
    for depth, kind in ((NESTED_MAX, None), (NESTED_MAX + 1, "not_json")):
        fault = check("payload", '{"type":"ping","payload":{"any":' + "[" * depth + "1" + "]" * depth + "}}")
        assert (None if fault is None else fault.kind) == kind


def test_a_struct_a_model_and_a_dict_are_checked_as_they_would_be_written() -> None:
    right = payload.UserMessageFrame(payload=payload.UserMessage(message="hi"))
    wrong = payload.UserMessageFrame(payload=payload.UserMessage(message=7))  # type: ignore[arg-type]
    model = payload_models.UserMessageFrame(payload=payload_models.UserMessage(message="hi"))
    assert check("payload", right) is None
    assert str(check("payload", wrong)) == "payload.message: expected string, got integer"
    assert check("payload", model) is None
    written: dict[str, Any] = {"type": "llm_response", "payload": {"response": "", "chat_id": "c", "model": "m"}}
    for number, said in ((1, None), (math.nan, "payload.processing_time: expected number, got null")):
        written["payload"]["processing_time"] = number
        fault = check("payload", written)
        assert (None if fault is None else str(fault)) == said
    for unwritable in (object(), "\ud800", {1: {2: object()}}):
        fault = check("payload", {"type": "ping", "payload": {"any": unwritable}})
        assert fault is not None
        assert fault.kind == "not_json"


def test_the_table_has_every_type_of_the_schema() -> None:
    assert get_args(Dialect) == DIALECTS
    for dialect in DIALECTS:
        for name in definitions(dialect):
            fault = check(dialect, {"type": name})
            assert fault is None or fault.kind == "content"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.5, "1.5"),
        (-0.25, "-0.25"),
        (0.0, "0"),
        (-0.0, "0"),
        (100.0, "100"),
        (9_007_199_254_740_992.0, "9007199254740992"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (123_456_789_012_345_680_000.0, "123456789012345680000"),
        (0.000_001, "0.000001"),
        (0.000_000_1, "1e-7"),
        (-1.25e-9, "-1.25e-9"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_numbers_are_written_as_ecmascript_does(number: float, text: str) -> None:
    assert spelled(number) == text


def test_long_texts_are_cut() -> None:
    assert quoted('a"b\n\x01é') == '"a\\"b\\n\\u0001é"'
    assert quoted("é" * 64) == f'"{"é" * 64}"'
    assert quoted("é" * 65) == f'"{"é" * 64}…"'
