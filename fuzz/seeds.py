#!/usr/bin/env python3
"""Writes what fuzzing begins with: the golden vectors of protocol/vectors, one file each, in a folder per target.

    fuzz/seeds.py FOLDER

`cargo +nightly fuzz run TARGET fuzz/corpus/TARGET FOLDER/TARGET` then goes on from both. The corpus in the repository
holds what was worth keeping of earlier runs.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

VECTORS = Path(__file__).resolve().parent.parent / "protocol" / "vectors"
DIALECTS = ("native", "payload", "data", "flat", "open")

# Frames of old clients that leave the type out.
UNTYPED = [
    '{"message":"hi"}',
    '{"event":"a.b","n":1e999}',
    '{"update_type":"x","data":{"n":1}}',
    '{"type":"text","event":"chat"}',
    '{"type":5,"message":"hi","_tl":{"id":"m1"}}',
    '{"event":"","payload":{"a":[1,{"b":null}]}}',
    '{"type":"user_message","session_token":"s3cret","message":"hi"}',
    '{"type":"x","_tl":{"payload":{"session_token":"a","session_token":"b"}}}',
    " ping\n",
    'hello "you"',
    "[1,2]",
    '{"type":',
]

# Frames beside those of the vectors: what wraps and is wrapped.
FRAMES = [
    '{"type":"x","payload":{"n":1e999},"z":[1],"_tl":{"later":1}}',
    '{"type":"x","_tl":{"_beside":{"payload":1},"_content":["timestamp"]},"timestamp":"t"}',
    '{"type":"x","metadata":{"a":1,"_tl":{"run":"r1","payload":[1]}}}',
    '{"type":"x","error":{"code":"c","message":"m","retryable":true,"details":{"n":0.1}}}',
]

TEXTS = [
    "1a-2b-3c",
    "0-0-0",
    "ffffffffffffffff-1-1",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    "run:r1_a-B",
    "session:0123456789abcdef",
    "m1.a:b_c-d",
    "/ws/caf%C3%A9",
    "/agents/a/live",
    "/agents/%61/b%20c/",
    "/a%2Fb",
    "/%2e%2e/x",
    "/ws/%2e%2e",
    "/agents/../live",
    "/ws/%00",
    "/agents/%2F/b",
    "/{a}/b/{c}",
    r'{"a":[[{"b":"\ud83d\ude00[["}]],"c":"\\"}',
    r'"\ud800"',
]

RECORD_KINDS = {"message": 0, "started": 1, "text": 2, "event": 3, "terminal": 4}

RECORDS = [
    [("message", '{"type":"user_message","id":"m1","payload":{"message":"hi"}}')],
    [("started", '{"type":"run_started","run":"r1","reply_to":"m1"}')],
    [
        ("text", '{"type":"run_event","run":"r1","seq":0,"seq_end":2,"ts":"2026-01-02T03:04:05.678Z","payload":{"text":"Up"}}'),
        ("text", '{"type":"run_event","run":"r1","seq":3,"payload":{"text":"load \\"\\u00e9\\""}}'),
        ("event", '{"type":"tool_output","run":"r1","seq":4,"payload":{"n":1}}'),
        ("text", '{"type":"run_event","run":"r1","seq":5,"payload":{"text":"."}}'),
        ("terminal", '{"type":"run_completed","run":"r1","seq":6,"payload":{"result":null}}'),
    ],
    [
        (
            "terminal",
            '{"type":"run_completed","run":"r1","session":"s1","ts":"2026-01-02T03:04:09.000Z",'
            '"payload":{"result":{"model":"m","metadata":{"confidence":0.9},"n":1e999}},'
            '"meta":{"service":"chat","accepted":"2026-01-02T03:04:05.000Z","chat_id":"c1","agent":"a","pillar":"p"}}',
        )
    ],
    [("terminal", '{"type":"run_completed","run":"r1","payload":{"result":{"type":"own","payload":{"a":1},"data":2}}}')],
    [("terminal", '{"type":"run_completed","run":"r1","payload":{"result":"text"}}')],
    [("terminal", '{"type":"run_cancelled","run":"r1","payload":{}}')],
    [("terminal", '{"type":"run_failed","run":"r1","error":{"code":"worker_lost","message":"m","retryable":true,"details":{"a":1}}}')],
    [("event", '{"type":"progress","run":"r1","payload":{"percentage":45,"message":"m","stage":"s"}}')],
]

UPGRADES = [
    "sec-websocket-protocol:trunkline.v1.json, trunkline.bearer.aa-_",
    "sec-websocket-extensions:permessage-deflate",
    "sec-websocket-extensions:permessage-deflate; client_max_window_bits",
    'sec-websocket-extensions:permessage-deflate; server_max_window_bits="1\\0"',
    "sec-websocket-extensions:permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=12",
    'sec-websocket-extensions:x-other; a="permessage-deflate, b", permessage-deflate',
    "sec-websocket-extensions:permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "sec-websocket-extensions:permessage-deflate; server_max_window_bits=16",
    "sec-websocket-extensions:permessage-deflate; client_max_window_bits=08, x",
    "sec-websocket-extensions:permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
    "sec-websocket-extensions:permessage-deflate; client_max_window_bits; client_max_window_bits=8",
    "sec-websocket-extensions:permessage-deflate; server_no_context_takeover=1",
    "sec-websocket-extensions:permessage-deflate; a\nsec-websocket-extensions: permessage-deflate",
    "connection:keep-alive, Upgrade\nupgrade:h2c, websocket",
    "sec-websocket-version:8",
    "sec-websocket-key:c2hvcnQ=",
    "transfer-encoding:chunked",
    "content-length:0",
    "x-any:\x80",
]


def frames() -> Iterator[str]:
    """Every frame of the vectors, accepted and rejected."""
    for dialect in DIALECTS:
        messages = json.loads((VECTORS / "messages" / f"{dialect}.json").read_text("utf-8"))["messages"]
        for cases in messages:
            accepted = cases["accepted"] + [case["frame"] for case in cases["rejected"]]
            yield from (json.dumps(frame, ensure_ascii=False, separators=(",", ":")) for frame in accepted)
    envelopes = json.loads((VECTORS / "envelopes.json").read_text("utf-8"))
    yield from (case["wire"] for case in envelopes["accepted"] + envelopes["rejected"])


def part(content: bytes) -> bytes:
    """A part, or a message of parts, with its length before it."""
    return len(content).to_bytes(4, "big") + content


def streams() -> Iterator[bytes]:
    """Every stream of a worker; the first byte says how it is split."""
    vectors = json.loads((VECTORS / "worker-frames.json").read_text("utf-8"))
    for case in vectors["cases"] + vectors["invalid"]:
        yield b"\x07" + part(b"".join(part(bytes.fromhex(content)) for content in case["parts_hex"]))
    for case in vectors["streams"] + vectors["invalid_streams"]:
        yield b"\x07" + bytes.fromhex(case["stream_hex"])


# A message and its payload with bytes: {"text": "a", "b": b"\x00\xfe"} and {"result": b"\x01"}.
PACKED_RECORDS = [
    ("event", '{"type":"image","run":"r1","seq":0}', "82a474657874a161a162c40200fe"),
    ("terminal", '{"type":"run_completed","run":"r1","seq":1}', "81a6726573756c74c40101"),
    ("message", '{"type":"user_message","id":"m1"}', "c40101"),
]


def packed_records() -> Iterator[bytes]:
    """Records whose payload holds bytes and stands, in MessagePack, behind the message."""
    for kind, message, payload in PACKED_RECORDS:
        head = bytes([2, RECORD_KINDS[kind]]) + len(message).to_bytes(4, "big")
        yield head + message.encode() + bytes.fromhex(payload)


def records() -> Iterator[bytes]:
    """Logs: each record is two bytes and a message, and ends with a byte that no text has."""
    yield from packed_records()
    for log in RECORDS:
        yield b"\xff".join(bytes([1, RECORD_KINDS[kind]]) + message.encode() for kind, message in log)
    for frame in frames():
        for kind in ("event", "terminal"):
            yield bytes([1, RECORD_KINDS[kind]]) + frame.encode("utf-8", "surrogatepass")


def encoded(texts: Iterator[str] | list[str]) -> list[bytes]:
    """As bytes; half of a surrogate pair stays what it is."""
    return [text.encode("utf-8", "surrogatepass") for text in texts]


def main(folder: Path) -> None:
    """Writes the seeds of every target."""
    all_frames = encoded(frames())
    seeds = {
        "catalogue": all_frames,
        "dialects": all_frames + encoded(FRAMES),
        "old_frames": all_frames + encoded(UNTYPED),
        "records": list(records()),
        "texts": encoded(TEXTS),
        "worker_frames": list(streams()),
        "ws_upgrade": [text.encode("latin-1") for text in UPGRADES],
    }
    for target, inputs in seeds.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(inputs):
            (folder / target / f"seed_{number}").write_bytes(content)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
