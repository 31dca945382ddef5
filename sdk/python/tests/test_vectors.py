"""The golden frames that all languages share."""

from __future__ import annotations

import json
from typing import Any

import pytest

import make_vectors
from trunkline import ProtocolViolation, _protocol
from trunkline._protocol import Kind, Message, StreamDecoder

VECTORS: dict[str, Any] = json.loads(make_vectors.PLACE.read_text())


def cases(section: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in VECTORS[section]])


def unhex(parts: list[str]) -> list[bytes]:
    return [bytes.fromhex(part) for part in parts]


def test_the_file_is_what_its_source_says() -> None:
    assert make_vectors.PLACE.read_text() == make_vectors.render()


@cases("cases")
def test_a_case_decodes_and_encodes(case: dict[str, Any]) -> None:
    parts = unhex(case["parts_hex"])
    decoded = case["decoded"]
    assert decoded["version"] == _protocol.VERSION
    expected = Message(
        Kind(decoded["kind"]),
        decoded["corr"],
        decoded["name"],
        {key: bytes.fromhex(value["hex"]) if key == "checkpoint" else value for key, value in decoded["meta"].items()},
        bytes.fromhex(decoded["payload_hex"]),
        tuple(unhex(decoded["buffers_hex"])),
    )
    assert _protocol.decode(parts) == expected
    if case.get("encode", True):
        assert _protocol.encode(expected) == parts


@cases("cases")
def test_a_case_crosses_a_stream_cut_at_any_place(case: dict[str, Any]) -> None:
    parts = unhex(case["parts_hex"])
    stream = bytes.fromhex(case["stream_hex"])
    assert _protocol.frame(parts) == stream
    for cut in range(len(stream) + 1):
        decoder = StreamDecoder()
        assert decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]) == [parts]


@cases("invalid")
def test_an_invalid_message_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ProtocolViolation):
        _protocol.decode(unhex(case["parts_hex"]))


@cases("streams")
def test_a_stream_is_cut_into_messages(case: dict[str, Any]) -> None:
    decoder = StreamDecoder()
    assert decoder.feed(bytes.fromhex(case["stream_hex"])) == [unhex(parts) for parts in case["messages"]]
    assert decoder.unfinished_bytes == case["unfinished_bytes"]


@cases("invalid_streams")
def test_an_invalid_stream_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ProtocolViolation):
        StreamDecoder().feed(bytes.fromhex(case["stream_hex"]))


def test_a_message_larger_than_the_limit_is_refused() -> None:
    header = _protocol.encode(Message(Kind.PING))[0]
    with pytest.raises(ProtocolViolation):
        _protocol.decode([header, bytes(_protocol.MESSAGE_BYTES_MAX)])


def test_a_header_nested_without_end_is_refused() -> None:
    bomb = bytes.fromhex("95010300a081a178") + b"\x91" * 100_000 + b"\xc0"
    with pytest.raises(ProtocolViolation):
        _protocol.decode([bomb, b""])
