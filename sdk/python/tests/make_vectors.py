"""Writes `protocol/vectors/worker-frames.json`: run `python sdk/python/tests/make_vectors.py` after a change of the contract.

Purpose: the cases are written here as values, so that a reviewer sees what each one means; the bytes are what the encoder makes of them.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import msgspec

from trunkline import _protocol
from trunkline._protocol import Kind, Message

PLACE = Path(__file__).parents[3] / "protocol" / "vectors" / "worker-frames.json"

CASES: dict[str, Message] = {
    "ping": Message(Kind.PING),
    "pong": Message(Kind.PONG, meta={"running": 3, "queued": 0, "lag_ms": 12}),
    "hello": Message(
        Kind.HELLO,
        name="agents",
        meta={
            "instance": "9f86d081884c7d65",
            "sdk": "trunkline-python/0.1.0",
            "pid": 4711,
            "concurrency": 64,
            "services": [
                {"name": "chat", "input": {"type": "object", "properties": {"message": {"type": "string"}}}},
                {"name": "embed", "idempotent": True},
            ],
            "open": [],
        },
    ),
    "hello of a spawned worker with open calls": Message(
        Kind.HELLO,
        name="agents",
        meta={
            "instance": "9f86d081884c7d65",
            "sdk": "trunkline-python/0.1.0",
            "concurrency": 1,
            "services": [{"name": "chat"}],
            "generation": "g-7",
            "token": "t",
            "open": [{"run": "r1", "next": 300, "ack": 255, "ended": False}, {"run": "r2", "next": 1, "ack": 0, "ended": True}],
        },
    ),
    "welcome": Message(
        Kind.WELCOME,
        meta={"epoch": "e1", "ping_ms": 2000, "window": 256, "message_bytes_max": 4194304, "resumed": [], "dropped": []},
    ),
    "welcome that resumes and drops": Message(
        Kind.WELCOME,
        meta={
            "epoch": "e2",
            "ping_ms": 2000,
            "window": 256,
            "message_bytes_max": 4194304,
            "resumed": [{"run": "r1", "corr": 2, "ack": 256}],
            "dropped": ["r2"],
        },
    ),
    "call": Message(
        Kind.CALL,
        2,
        "chat",
        {
            "run": "r1",
            "session": "s1",
            "realm": "default",
            "user": "u1",
            "message": "m1",
            "type": "user_message",
            "attempt": 1,
            "deadline_ms": 60000,
            "window": 256,
            "codec": "json",
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        },
        b'{"message":"hello"}',
    ),
    "hello of a worker that reads MessagePack": Message(
        Kind.HELLO,
        name="agents",
        meta={"instance": "i1", "sdk": "s", "concurrency": 1, "services": [], "codecs": ["json", "msgpack"], "open": []},
    ),
    "call in MessagePack": Message(Kind.CALL, 2, "chat", {"run": "r1", "codec": "msgpack"}, b"\xc4\x01\xff"),
    "result in MessagePack": Message(Kind.RESULT, 2, meta={"seq": 0, "codec": "msgpack"}, payload=b"\xc4\x01\xff"),
    "chunk with an event in MessagePack": Message(
        Kind.CHUNK, 2, "image", {"seq": 0, "kind": "event", "codec": "msgpack"}, b"\x81\xa1b\xc4\x01\xff"
    ),
    "call of a worker": Message(Kind.CALL, 1, "embed", {"run": "r1", "deadline_ms": 1000, "window": 16}, b'["a","b"]'),
    "result": Message(Kind.RESULT, 2, meta={"seq": 0}, payload=b'{"sum":6}'),
    "result null": Message(Kind.RESULT, 2, meta={"seq": 9}, payload=b"null"),
    "error": Message(
        Kind.ERROR,
        2,
        meta={
            "seq": 5,
            "code": "rate_limited",
            "message": "too many requests",
            "retryable": True,
            "retry_after_ms": 1500,
            "details": {"limit": 10, "share": 0.5, "user": None},
            "trace_id": "4bf92f3577b34da6",
        },
    ),
    "error that refuses hello": Message(Kind.ERROR, meta={"code": "unauthorized", "message": "the token is not valid"}),
    "chunk of text": Message(Kind.CHUNK, 2, meta={"seq": 0, "kind": "text"}, payload="Grüße, 世界 👋".encode()),
    "chunk of text, empty": Message(Kind.CHUNK, 2, meta={"seq": 1, "kind": "text"}),
    "chunk with an event": Message(Kind.CHUNK, 2, "tool_output", {"seq": 128, "kind": "event"}, b'{"line":1}'),
    "end": Message(Kind.END, 2, meta={"seq": 65536}),
    "cancel": Message(Kind.CANCEL, 2),
    "credit": Message(Kind.CREDIT, 2, meta={"ack": 65535}),
    "event": Message(Kind.EVENT, 2, "progress", {"key": "scan"}, b'{"message":"half","percentage":50}'),
    "drain": Message(Kind.DRAIN),
    "unknown peer": Message(Kind.UNKNOWN_PEER),
    "hello of a resumable service with a call that waits": Message(
        Kind.HELLO,
        name="agents",
        meta={
            "instance": "i1",
            "sdk": "s",
            "concurrency": 1,
            "services": [{"name": "tidy", "resumable": True}],
            "open": [{"run": "r1", "next": 3, "ack": 3, "ended": False, "attempt": 2, "asks": ["q1", "q2"]}],
        },
    ),
    "ask": Message(Kind.ASK, 2, meta={"seq": 2, "request": "q1"}, payload=b'{"kind":"approval","message":"Delete 3 files?"}'),
    "ask with a checkpoint": Message(
        Kind.ASK,
        2,
        meta={"seq": 2, "request": "q1", "codec": "msgpack", "checkpoint": b"step 2\x00\xff"},
        payload=b"\x82\xa4kind\xa8question\xa7message\xa6Which?",
    ),
    "answer": Message(Kind.ANSWER, 2, meta={"request": "q1"}, payload=b'{"request_id":"q1","granted":true,"by":"anna"}'),
    "call with a checkpoint and answers": Message(
        Kind.CALL,
        4,
        "tidy",
        {
            "run": "r1",
            "attempt": 2,
            "codec": "json",
            "checkpoint": b"step 2\x00\xff",
            "answers": [{"request_id": "q1", "value": "main"}],
        },
        b'{"message":"hello"}',
    ),
    "hello of a service that takes input": Message(
        Kind.HELLO,
        name="agents",
        meta={
            "instance": "i1",
            "sdk": "s",
            "concurrency": 1,
            "services": [{"name": "chat", "takes_input": True}],
            "open": [],
        },
    ),
    "input": Message(Kind.INPUT, 2, meta={"message": "m2", "type": "user_message"}, payload=b'{"message":"make it blue"}'),
    "input with bytes": Message(
        Kind.INPUT, 2, meta={"message": "m3", "type": "user_message", "codec": "msgpack"}, payload=b"\x81\xa4data\xc4\x02\x00\xff"
    ),
    "taken": Message(Kind.TAKEN, 2, meta={"seq": 3, "message": "m2"}),
    "sub, reserved": Message(Kind.SUB, name="topic"),
    "unsub, reserved": Message(Kind.UNSUB, name="topic"),
    "status, reserved": Message(Kind.STATUS),
    "buffers": Message(Kind.RESULT, 2, meta={"seq": 0}, payload=b"{}", buffers=(b"\x00\x01\x02", b"", b"\xff")),
    "most parts": Message(Kind.RESULT, 2, meta={"seq": 0}, payload=b"{}", buffers=(b"x",) * 14),
    "largest corr": Message(Kind.CANCEL, 2**53 - 1),
    "corr at each width": Message(Kind.CANCEL, 2**32),
    "longest name": Message(Kind.SUB, name="ä" * 64),
    "unknown meta keys": Message(Kind.CREDIT, 2, meta={"ack": 1, "later": {"nested": [1, -1, -129, True, None, 1.5]}}),
}

# Two spellings that a reader takes although our writers never make them.
LENIENT: dict[str, tuple[bytes, Message]] = {
    "integers wider than needed": (
        bytes.fromhex("95cd0001cf000000000000000acf0000000000000002a080"),
        Message(Kind.CANCEL, 2),
    ),
    "str with a long length": (bytes.fromhex("95010d00d90174de0000"), Message(Kind.SUB, name="t")),
}


def header(*fields: Any) -> list[str]:
    return [msgspec.msgpack.encode(fields).hex(), ""]


INVALID: dict[str, tuple[str, list[str]]] = {
    "no parts": ("a message has a header", []),
    "empty header": ("the header does not parse", ["", ""]),
    "header is a map": ("the header is no array", [msgspec.msgpack.encode({"kind": 3}).hex(), ""]),
    "header of four fields": ("the header has five fields", header(1, 3, 0, "")),
    "header of six fields": ("the header has five fields", header(1, 3, 0, "", {}, None)),
    "header cut short": ("the header does not parse", [msgspec.msgpack.encode((1, 3, 0, "", {}))[:-1].hex(), ""]),
    "bytes after the header": ("the header part holds the header only", [msgspec.msgpack.encode((1, 3, 0, "", {})).hex() + "00", ""]),
    "version 2": ("this is version 1", header(2, 3, 0, "", {})),
    "kind 0": ("the kind is unknown", header(1, 0, 0, "", {})),
    "kind 22": ("the kind is unknown", header(1, 22, 0, "", {})),
    "negative corr": ("corr is unsigned", header(1, 10, -2, "", {})),
    "corr too large": ("corr is at most 2^53-1", header(1, 10, 2**53, "", {})),
    "corr is a float": ("corr is an integer", header(1, 10, 2.0, "", {})),
    "corr is a str": ("corr is an integer", header(1, 10, "2", "", {})),
    "name is bytes": ("name is a str", header(1, 13, 0, b"topic", {})),
    "name is no UTF-8": ("name is UTF-8", [bytes.fromhex("95010d00a1ff80").hex(), ""]),
    "name too long": ("a name has at most 128 bytes", header(1, 13, 0, "x" * 129, {})),
    "name too long in bytes": ("a name has at most 128 bytes", header(1, 13, 0, "ä" * 65, {})),
    "meta is nil": ("meta is a map", header(1, 3, 0, "", None)),
    "meta is an array": ("meta is a map", header(1, 3, 0, "", [])),
    "meta with an integer key": ("meta has str keys", header(1, 3, 0, "", {1: 2})),
    "too many parts": ("a message has at most 16 parts", [header(1, 3, 0, "", {})[0], *["78"] * 16]),
}


def word(number: int) -> str:
    return struct.pack(">I", number).hex()


PING_PARTS = ["95010300a080", ""]
PING_FRAME = word(14) + word(6) + PING_PARTS[0] + word(0)

STREAMS: list[dict[str, Any]] = [
    {"name": "one message", "stream_hex": PING_FRAME, "messages": [PING_PARTS], "unfinished_bytes": 0},
    {"name": "two messages", "stream_hex": PING_FRAME * 2, "messages": [PING_PARTS] * 2, "unfinished_bytes": 0},
    {"name": "a message and a half", "stream_hex": PING_FRAME + PING_FRAME[:20], "messages": [PING_PARTS], "unfinished_bytes": 10},
    {"name": "half a length", "stream_hex": "0000", "messages": [], "unfinished_bytes": 2},
    {"name": "nothing", "stream_hex": "", "messages": [], "unfinished_bytes": 0},
]

INVALID_STREAMS: list[dict[str, Any]] = [
    {"name": "length above the limit", "stream_hex": "7fffffff", "reason": "a message has at most 4 MiB"},
    {"name": "part exceeds its message", "stream_hex": word(8) + word(5) + "00000000", "reason": "a part ends inside its message"},
    {"name": "part length cut short", "stream_hex": word(6) + word(0) + "0000", "reason": "a part's length has four bytes"},
    {"name": "too many parts", "stream_hex": word(17 * 4) + word(0) * 17, "reason": "a message has at most 16 parts"},
]


def document() -> dict[str, Any]:
    """Gives the whole file."""
    return {
        "about": "The worker protocol's frames (protocol/worker.md, section 1). Every case of `cases` decodes to `decoded`, and encodes to "
        "`parts_hex` unless `encode` is false, with meta's keys in the order given; `stream_hex` spells the parts for a Unix socket; "
        "a byte string in meta stands as its `hex`. "
        "`invalid` and `invalid_streams` are refused, for the reason given.",
        "cases": [_case(name, message) for name, message in CASES.items()]
        + [_lenient(name, head, message) for name, (head, message) in LENIENT.items()],
        "invalid": [{"name": name, "parts_hex": parts, "reason": reason} for name, (reason, parts) in INVALID.items()],
        "streams": STREAMS,
        "invalid_streams": INVALID_STREAMS,
    }


def render() -> str:
    """Gives the file's text."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _case(name: str, message: Message) -> dict[str, Any]:
    parts = _protocol.encode(message)
    return {
        "name": name,
        "parts_hex": [part.hex() for part in parts],
        "stream_hex": _protocol.frame(parts).hex(),
        "decoded": _decoded(message),
    }


def _lenient(name: str, head: bytes, message: Message) -> dict[str, Any]:
    parts = [head, b""]
    return {
        "name": name,
        "encode": False,
        "parts_hex": [part.hex() for part in parts],
        "stream_hex": _protocol.frame(parts).hex(),
        "decoded": _decoded(message),
    }


def _decoded(message: Message) -> dict[str, Any]:
    return {
        "version": _protocol.VERSION,
        "kind": int(message.kind),
        "corr": message.corr,
        "name": message.name,
        "meta": {key: {"hex": value.hex()} if isinstance(value, bytes) else value for key, value in message.meta.items()},
        "payload_hex": message.payload.hex(),
        "buffers_hex": [buffer.hex() for buffer in message.buffers],
    }


if __name__ == "__main__":
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    PLACE.write_text(render())
