"""Writes `protocol/vectors/codecs.json`: run `python sdk/python/tests/make_codec_vectors.py` after a change of the contract.

Purpose: the same envelopes in both codecs, written here as values; the bytes are what msgspec makes of them. It does not use the SDK, so
that the SDK is tested against it.
"""

from __future__ import annotations

import base64
import json
import struct
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec.msgpack import Ext

PLACE = Path(__file__).parents[3] / "protocol" / "vectors" / "codecs.json"

ABOUT: Final = [
    "Golden vectors of the codec MessagePack (protocol/client.md, section 10), and of what workers write in it (protocol/worker.md, 6).",
    "envelopes: `msgpack_hex` reads as the envelope whose native JSON is `json`, and each is written as the other. Where `holds_bytes`",
    "is true, bytes stand in `json` as base64. Cases with `lenient` are read, and written otherwise.",
    "rejected: reading `msgpack_hex` as a frame fails with `code`. Clients need not look for cases with `gateway_only`.",
    "worker_payloads: what a worker writes as `msgpack_hex` is `json` for clients that speak JSON. Where it holds bytes, clients that",
    "speak MessagePack get `kept_hex`. `python` is the value that a Python worker writes so, and reads.",
    "rejected_worker_payloads: the gateway refuses them; `code` is the codec's, and the run ends with worker_protocol.",
]

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
IDENTIFIER = UUID("12345678-90ab-cdef-1234-567890abcdef")
ALL_BYTES = bytes(range(256))

ENVELOPES: dict[str, dict[str, Any]] = {
    "only a type": {"type": "ping"},
    "every field": {
        "type": "everything",
        "id": "m1",
        "ts": "2026-01-02T03:04:05.678Z",
        "channel": "run:r1",
        "pos": "1-a-f00d",
        "prev": "1-9-beef",
        "session": "s1",
        "run": "r1",
        "seq": 3,
        "seq_end": 9,
        "to": {"service": "guide", "agent": "a"},
        "reply_to": "m0",
        "deadline_ms": 60000,
        "error": {
            "code": "rate_limited",
            "message": "slow down",
            "retryable": True,
            "retry_after_ms": 1500,
            "details": {"limit": 5},
            "trace_id": "t1",
        },
        "meta": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        "payload": {"text": "hi"},
    },
    "payload null": {"type": "t", "payload": None},
    "payload true": {"type": "t", "payload": True},
    "payload text": {"type": "t", "payload": 'Grüße, 世界 👋 "\\\n\u0000'},
    "payload empty map and array": {"type": "t", "payload": [{}, []]},
    "payload integers": {"type": "t", "payload": [0, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**53, 2**64 - 1]},
    "payload negative integers": {"type": "t", "payload": [-1, -32, -33, -128, -129, -32768, -32769, -(2**31), -(2**31) - 1, -(2**63)]},
    "payload floats": {"type": "t", "payload": [0.0, -0.0, 0.5, 1.0, 1e300, 5e-324]},
    "payload text lengths": {"type": "t", "payload": ["x" * 31, "x" * 32, "x" * 255, "x" * 256]},
    "payload of sixteen": {"type": "t", "payload": [list(range(15)), list(range(16)), {f"k{n}": n for n in range(16)}]},
    "keys that mean something to JavaScript": {"type": "t", "payload": {"__proto__": {"a": 1}, "constructor": 2}},
    "unknown fields": {"type": "t", "payload": 1, "later": {"a": [1]}, "_tl": {"other": None}},
    "largest integers of fields": {"type": "t", "seq": 2**53 - 1, "deadline_ms": 0},
    "bytes": {"type": "t", "payload": b"\x00\x01\xff"},
    "bytes, empty": {"type": "t", "id": "m1", "payload": b""},
    "bytes within": {"type": "t", "payload": {"image": b"\x89PNG\r\n", "list": [b"a", "a", {"b": b"bb"}]}},
    "bytes of each length": {"type": "t", "payload": [ALL_BYTES[:255], ALL_BYTES]},
    "result with bytes": {"type": "run_completed", "run": "r1", "seq": 4, "payload": {"result": b"\x01"}},
}

LENIENT: dict[str, tuple[dict[str, Any], bytes]] = {
    "long spellings": (
        {"type": "t", "seq": 1, "payload": [1, "a", -1]},
        bytes.fromhex(
            "df00000003da000474797065d90174a3736571cf0000000000000001db000000077061796c6f6164dd00000003cd0001da000161d3ffffffffffffffff"
        ),
    ),
    "float of four bytes": ({"type": "t", "payload": 0.5}, bytes.fromhex("82a474797065a174a77061796c6f6164ca3f000000")),
    "payload before the type": ({"type": "t", "payload": [1]}, bytes.fromhex("82a77061796c6f61649101a474797065a174")),
}

REJECTED: dict[str, tuple[str, bytes]] = {
    "nothing": ("bad_envelope", b""),
    "nil": ("bad_envelope", b"\xc0"),
    "an array": ("bad_envelope", b"\x90"),
    "a number": ("bad_envelope", b"\x2a"),
    "an empty map": ("bad_envelope", b"\x80"),
    "trailing bytes": ("bad_envelope", msgspec.msgpack.encode({"type": "t"}) + b"\xc0"),
    "cut short": ("bad_envelope", msgspec.msgpack.encode({"type": "t", "payload": "abc"})[:-1]),
    "announces more than there is": ("bad_envelope", bytes.fromhex("82a474797065a174a77061796c6f6164ddffffffff")),
    "announces more bytes than there are": ("bad_envelope", bytes.fromhex("82a474797065a174a77061796c6f6164c6ffffffff")),
    "type twice": ("bad_envelope", bytes.fromhex("82a474797065a174a474797065a175")),
    "payload twice, once bytes": ("bad_envelope", bytes.fromhex("83a474797065a174a77061796c6f616401a77061796c6f6164c40100")),
    "key is a number": ("bad_envelope", bytes.fromhex("820102a474797065a174")),
    "key is bytes": ("bad_envelope", bytes.fromhex("81c40474797065a174")),
    "key in the payload is a number": ("bad_envelope", bytes.fromhex("82a474797065a174a77061796c6f61648101c0")),
    "text is no UTF-8": ("bad_envelope", bytes.fromhex("82a474797065a174a77061796c6f6164a1ff")),
    "text is half of a surrogate pair": ("bad_envelope", bytes.fromhex("82a474797065a174a77061796c6f6164a3eda080")),
    "NaN": ("bad_envelope", msgspec.msgpack.encode({"type": "t", "payload": float("nan")})),
    "infinity": ("bad_envelope", msgspec.msgpack.encode({"type": "t", "payload": [float("inf")]})),
    "never used marker": ("bad_envelope", bytes.fromhex("82a474797065a174a77061796c6f6164c1")),
    "timestamp": ("bad_envelope", msgspec.msgpack.encode({"type": "t", "payload": MOMENT})),
    "unknown extension type": ("bad_envelope", msgspec.msgpack.encode({"type": "t", "payload": Ext(42, b"x")})),
    "bytes in meta": ("bad_envelope", msgspec.msgpack.encode({"type": "t", "meta": {"a": b"x"}})),
    "bytes in an unknown field": ("bad_envelope", msgspec.msgpack.encode({"type": "t", "later": b"x"})),
    "bytes for the type": ("bad_envelope", msgspec.msgpack.encode({"type": b"t"})),
    "seq too large": ("bad_envelope", msgspec.msgpack.encode({"type": "t", "seq": 2**53})),
    "seq negative": ("bad_envelope", msgspec.msgpack.encode({"type": "t", "seq": -1})),
    "seq is a float": ("bad_envelope", msgspec.msgpack.encode({"type": "t", "seq": 1.5})),
    "id of 65 characters": ("bad_envelope", msgspec.msgpack.encode({"type": "t", "id": "x" * 65})),
    "id with a line break": ("bad_envelope", msgspec.msgpack.encode({"type": "t", "id": "a\nb"})),
    "64 levels within the payload": ("payload_too_deep", bytes.fromhex("82a474797065a174a77061796c6f6164" + "91" * 64 + "c0")),
    "nested without end": ("payload_too_deep", bytes.fromhex("82a474797065a174a77061796c6f6164") + b"\x91" * 70),
}


GATEWAY_ONLY: Final = {"NaN", "infinity", "bytes in meta", "bytes in an unknown field"}
"""What a client never gets, and need not look for."""


def array(kind: str, shape: list[int], data: bytes) -> Ext:
    return Ext(3, msgspec.msgpack.encode([kind, shape, data]))


class Written(NamedTuple):
    """What a worker writes: the MessagePack value, its JSON, what is kept where that is MessagePack, and the Python value."""

    value: Any
    json: Any
    kept: Any = None
    python: str | None = None


WORKER_PAYLOADS: dict[str, Written] = {
    "plain": Written({"a": [1, "x", None]}, {"a": [1, "x", None]}),
    "bytes": Written(b"\x00\xff", "AP8=", b"\x00\xff", "b'\\x00\\xff'"),
    "bytes within": Written(
        {"image": b"\x01", "n": 1}, {"image": "AQ==", "n": 1}, {"image": b"\x01", "n": 1}, "{'image': b'\\x01', 'n': 1}"
    ),
    "datetime": Written(MOMENT, "2026-01-02T03:04:05.678000Z", None, "datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)"),
    "datetime in whole seconds": Written(
        datetime(2000, 2, 29, tzinfo=UTC), "2000-02-29T00:00:00Z", None, "datetime(2000, 2, 29, tzinfo=UTC)"
    ),
    "datetime before 1970": Written(
        datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
        "1969-12-31T23:59:59.999999Z",
        None,
        "datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)",
    ),
    "datetime after 2514": Written(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "9999-12-31T23:59:59Z"),
    "datetime of another time zone": Written(
        datetime(2026, 1, 2, 3, 0, tzinfo=timezone(timedelta(hours=2))),
        "2026-01-02T01:00:00Z",
        None,
        "datetime(2026, 1, 2, 1, 0, tzinfo=UTC)",
    ),
    "UUID": Written(Ext(1, IDENTIFIER.bytes), str(IDENTIFIER), None, f"UUID('{IDENTIFIER}')"),
    "Decimal": Written(Ext(2, b"-1.50"), "-1.50", None, "Decimal('-1.50')"),
    "Decimal with an exponent": Written(Ext(2, b"1E+30"), "1E+30", None, "Decimal('1E+30')"),
    "array of float32": Written(
        array("<f4", [2, 2], struct.pack("<4f", 1.5, 0, -1, 0.1)),
        [[1.5, 0.0], [-1.0, 0.10000000149011612]],
        None,
        "np.array([[1.5, 0], [-1, 0.1]], np.float32)",
    ),
    "array of float64": Written(array("<f8", [1], struct.pack("<d", 0.1)), [0.1], None, "np.array([0.1])"),
    "array of float16": Written(
        array("<f2", [2], struct.pack("<2e", 1, 0.333251953125)), [1.0, 0.333251953125], None, "np.array([1, 0.333251953125], np.float16)"
    ),
    "array of int64": Written(
        array("<i8", [3], struct.pack("<3q", -(2**63), 0, 7)), [-(2**63), 0, 7], None, "np.array([-2**63, 0, 7], np.int64)"
    ),
    "array of uint8": Written(array("|u1", [2], b"\x00\xff"), [0, 255], None, "np.array([0, 255], np.uint8)"),
    "array of booleans": Written(array("|b1", [2], b"\x01\x00"), [True, False], None, "np.array([True, False])"),
    "array without elements": Written(array("<f4", [2, 0], b""), [[], []], None, "np.zeros((2, 0), np.float32)"),
    "array with NaN": Written(array("<f4", [2], struct.pack("<2f", float("nan"), 1)), [None, 1.0]),
    "NaN": Written({"x": float("nan")}, {"x": None}),
    "all together": Written(
        {
            "raw": b"\x01",
            "at": MOMENT,
            "id": Ext(1, IDENTIFIER.bytes),
            "cost": Ext(2, b"0.10"),
            "vector": array("<f4", [2], struct.pack("<2f", 1, 2)),
        },
        {"raw": "AQ==", "at": "2026-01-02T03:04:05.678000Z", "id": str(IDENTIFIER), "cost": "0.10", "vector": [1.0, 2.0]},
        {"raw": b"\x01", "at": "2026-01-02T03:04:05.678000Z", "id": str(IDENTIFIER), "cost": "0.10", "vector": [1.0, 2.0]},
        "{'raw': b'\\x01', 'at': datetime(2026, 1, 2, 3, 4, 5, 678000, UTC), "
        f"'id': UUID('{IDENTIFIER}'), 'cost': Decimal('0.10'), 'vector': np.array([1, 2], np.float32)}}",
    ),
}

REJECTED_WORKER_PAYLOADS: dict[str, tuple[str, bytes]] = {
    "nothing": ("bad_envelope", b""),
    "trailing bytes": ("bad_envelope", b"\xc0\xc0"),
    "key is a number": ("bad_envelope", bytes.fromhex("8101c0")),
    "unknown extension type": ("bad_envelope", msgspec.msgpack.encode(Ext(42, b""))),
    "timestamp of five bytes": ("bad_envelope", msgspec.msgpack.encode(Ext(-1, bytes(5)))),
    "timestamp beyond the year 9999": ("bad_envelope", msgspec.msgpack.encode(Ext(-1, bytes(4) + struct.pack(">q", 2**62)))),
    "UUID of 15 bytes": ("bad_envelope", msgspec.msgpack.encode(Ext(1, bytes(15)))),
    "Decimal that is none": ("bad_envelope", msgspec.msgpack.encode(Ext(2, b'1"'))),
    "array shorter than its shape": ("bad_envelope", msgspec.msgpack.encode(array("<f4", [2], bytes(4)))),
    "array of objects": ("bad_envelope", msgspec.msgpack.encode(array("|O", [1], bytes(8)))),
    "array of countless empty lists": ("bad_envelope", msgspec.msgpack.encode(array("|u1", [10**9, 0], b""))),
    "array of 64 dimensions": ("payload_too_deep", msgspec.msgpack.encode(array("|u1", [1] * 64, b"x"))),
    "64 levels": ("payload_too_deep", b"\x91" * 64 + b"\xc0"),
}


def document() -> dict[str, Any]:
    """Gives the whole file."""
    return {
        "about": ABOUT,
        "envelopes": [_envelope(name, value) for name, value in ENVELOPES.items()]
        + [{"name": name, "json": _json(value), "msgpack_hex": wire.hex(), "lenient": True} for name, (value, wire) in LENIENT.items()],
        "rejected": _rejected(REJECTED),
        "worker_payloads": [_written(name, written) for name, written in WORKER_PAYLOADS.items()],
        "rejected_worker_payloads": _rejected(REJECTED_WORKER_PAYLOADS),
    }


def render() -> str:
    """Gives the file's text."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _envelope(name: str, value: dict[str, Any]) -> dict[str, Any]:
    case = {"name": name, "json": _json(value), "msgpack_hex": msgspec.msgpack.encode(value).hex()}
    return {**case, "holds_bytes": True} if holds_bytes(value) else case


def _written(name: str, written: Written) -> dict[str, Any]:
    case = {"name": name, "msgpack_hex": msgspec.msgpack.encode(written.value).hex(), "json": _json(written.json)}
    if written.kept is not None:
        case["kept_hex"] = msgspec.msgpack.encode(written.kept).hex()
    if written.python is not None:
        case["python"] = written.python
    return case


def _rejected(cases: dict[str, tuple[str, bytes]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "msgpack_hex": wire.hex(), "code": code, **({"gateway_only": True} if name in GATEWAY_ONLY else {})}
        for name, (code, wire) in cases.items()
    ]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=lambda raw: base64.b64encode(raw).decode())


def holds_bytes(value: Any) -> bool:
    """Whether a value has bytes anywhere."""
    if isinstance(value, dict):
        return any(map(holds_bytes, value.values()))
    if isinstance(value, list):
        return any(map(holds_bytes, value))
    return isinstance(value, bytes)


if __name__ == "__main__":
    PLACE.write_text(render())
