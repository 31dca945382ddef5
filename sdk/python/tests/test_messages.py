"""The generated structs and models: what they accept, what they write, and what their tables say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pydantic
import pytest

from trunkline import BadRequest, Run, Worker, _json
from trunkline._latest import LATEST
from trunkline.messages import Dialect, check, data, native, payload
from trunkline.models import data as data_models
from trunkline.models import native as native_models
from trunkline.models import payload as payload_models
from trunkline.testing import TestClient
from vectors import DIALECTS, definitions, golden, models, structs


def accepts(decode: Callable[[bytes], Any], text: bytes) -> bool:
    try:
        decode(text)
    except (ValueError, msgspec.DecodeError):
        return False
    return True


@pytest.mark.parametrize("dialect", DIALECTS)
def test_structs_and_models_accept_the_golden_frames_that_the_check_accepts(dialect: Dialect) -> None:
    types = structs(dialect).TYPES
    for kind, frame, path in golden(dialect):
        text = json.dumps(frame).encode()
        expected = path is None and not types[kind].local
        assert accepts(structs(dialect).decode, text) == expected, frame
        assert accepts(models(dialect).decode, text) == expected, frame


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_was_read_is_written_again(dialect: Dialect) -> None:
    types = structs(dialect).TYPES
    for kind, frame, path in golden(dialect):
        if path is None and not types[kind].local:
            text = json.dumps(frame).encode()
            read = structs(dialect).decode(text)
            assert isinstance(read, types[kind].frame)
            assert check(dialect, read) is None
            assert json.loads(models(dialect).decode(text).model_dump_json()) == frame


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_table_says_what_the_schema_says(dialect: Dialect) -> None:
    types = structs(dialect).TYPES
    assert list(types) == list(definitions(dialect))
    for name, definition in definitions(dialect).items():
        about, kind = definition["x-message"], types[name]
        assert (kind.name, kind.direction, kind.delivery) == (name, about["direction"], about["class"])
        assert (list(kind.key), kind.local) == (about.get("key", []), about.get("local", False))
        assert (kind.folded is not None) == about.get("foldable", False)
        assert kind.frame.__struct_config__.tag == name
        if kind.delivery == "latest":
            assert LATEST[name] == (kind.key[0] if kind.key else None)
        else:
            assert name not in LATEST


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_type_is_documented_as_the_schema_says(dialect: Dialect) -> None:
    for name, definition in definitions(dialect).items():
        kind = structs(dialect).TYPES[name]
        if isinstance(kind.content, type) and issubclass(kind.content, msgspec.Struct):
            assert kind.content.__doc__ is not None
            assert " ".join(kind.content.__doc__.split()).startswith(definition["description"])


@pytest.mark.parametrize(
    ("text", "fits"), [("1", True), ("1.0", True), ("1e0", True), ("-0.0", True), ("1.5", False), ("true", False), ('"1"', False)]
)
def test_an_integer_is_what_json_schema_says(text: str, fits: bool) -> None:
    frame = '{"type":"workflow_cancelled","payload":{"workflow_id":"w","total_steps":5,"cancelled_at_step":%s}}'
    frame %= text
    assert (check("payload", frame) is None) == fits
    assert accepts(payload.decode, frame.encode()) == fits
    assert accepts(payload_models.decode, frame.encode()) == fits
    if fits:
        read = payload.decode(frame)
        assert isinstance(read, payload.WorkflowCancelledFrame)
        assert isinstance(read.payload.cancelled_at_step, int)


async def test_a_handler_takes_a_payload_of_the_catalogue() -> None:
    worker = Worker("w")

    @worker.service("approve")
    async def approve(answer: payload.WorkflowApproval, run: Run) -> list[Any]:
        return [answer.workflow_id, answer.approved, answer.message is msgspec.UNSET]

    @worker.service("count")
    async def count(upto: int) -> int:
        return upto

    async with TestClient(worker) as client:
        assert await client.run("approve", {"workflow_id": "w1", "approved": True, "other": 1}) == ["w1", True, True]
        assert await client.run("count", 2.0) == 2


def test_a_handler_gets_no_infinity_for_a_number_that_no_float_holds() -> None:
    with pytest.raises(BadRequest, match="a number that no float holds"):
        _json.read(b'{"seconds": 1e400}', dict[str, float])


def test_what_json_has_not_is_refused() -> None:
    for text in ('{"type":"ping","payload":NaN}', '{"type":"ping","payload":-Infinity}', '{"type":"ping","payload":"\\ud800"}'):
        assert not accepts(native.decode, text.encode())
        assert not accepts(native_models.decode, text.encode())
    fine = '{"type":"ping","payload":"NaN, Infinity"}'
    assert accepts(native_models.decode, fine.encode())


def test_rules_about_several_fields_hold_where_a_message_is_made() -> None:
    for made in (lambda: native.Attach(), lambda: native_models.Attach()):
        with pytest.raises(ValueError, match="expected exactly one of session, topic, user, got none"):
            made()
    with pytest.raises(ValueError, match="reason: missing"):
        native.Attached(verdict="reset", pos="1")
    with pytest.raises(ValueError, match="expected at least one of granted, value, got none"):
        native_models.Answer(request_id="q")
    assert native_models.Answer(request_id="q", value=None).model_dump() == {"request_id": "q", "value": None}


def test_a_model_keeps_what_it_does_not_name_and_leaves_out_what_nobody_set() -> None:
    model = payload_models.Progress.model_validate_json('{"message":"reading","ours":[1]}')
    assert model.model_dump() == {"message": "reading", "ours": [1]}
    assert payload_models.Progress(message="m", stage="s").model_dump_json() == '{"message":"m","stage":"s"}'
    with pytest.raises(pydantic.ValidationError, match="null where the field is there"):
        payload_models.Progress.model_validate({"message": "m", "stage": None})
    frame = payload_models.ProgressFrame.model_validate({"payload": model, "_tl": {"run": "r"}})
    assert frame.model_dump() == {"type": "progress", "payload": {"message": "reading", "ours": [1]}, "_tl": {"run": "r"}}
    typing = data_models.TypingIndicator(agent_id="general", typing=True)
    assert typing.model_dump() == {"agentId": "general", "typing": True}


def test_fields_have_the_names_of_the_wire_when_they_are_written() -> None:
    assert msgspec.json.encode(data.TypingIndicator(agent_id="general", typing=True)) == b'{"agentId":"general","typing":true}'


def test_pydantic_is_imported_by_nothing_but_the_models() -> None:
    modules = ", ".join(f"trunkline.messages.{dialect}" for dialect in DIALECTS)
    program = f"import sys, trunkline, trunkline.testing, {modules}; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603 - a fixed program
