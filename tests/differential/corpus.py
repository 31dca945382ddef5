"""Frames on which the languages of the contract must agree.

Purpose: the golden frames of every dialect, each read as one of every dialect, and changes of them that a seed decides: values of
other kinds, at and beyond the bounds of the schema, fields left out, added and renamed, and texts that are no JSON any more. Always
the same frames in the same order. What a right verdict is, is not known here.

Left out is what languages read in different ways before any check: fields that stand twice, and fields whose names are numbers.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

SEED: Final = 20_260_102
CHANGED_PER_FRAME: Final = 6
"""Changed frames for each golden one."""
DIALECTS: Final = ("native", "payload", "data", "flat", "open")
SENDERS: Final = ("client", "gateway")
VECTORS: Final = Path(__file__).parents[2] / "protocol" / "vectors" / "messages"

_MARK: Final = "\ue000raw"
"""Begins a string that stands for a text of JSON as it is, such as `1e400`, which no value of Python becomes."""


def _raw(text: str) -> str:
    return f"{_MARK}{text}{_MARK}"


VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    *("", "a", "/x", "A_B", "success", "reset", "new", "start", "online"),
    *('é\n"\\/ 😀\u2028\x7f\x00', "2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678Z\n", "2026-13-99T99:99:99+99:99", "af" * 32),
    *("x" * 64, "x" * 65, "x" * 128, "x" * 129, "x" * 256, "x" * 257, "😀" * 128, "😀" * 257, "x" * 4096, "x" * 4097),
    *(0, 1, -1, 65_535, 65_536, 100, 101, 2**53 - 1, 2**53, -(2**53) + 1, -(2**53), 2**64, 10**30),
    *(1.0, 0.5, 1.5, 99.5, 100.5, -0.5, 1e300, 1e21, 1.5e-7),
    *map(_raw, ("1.0", "1e2", "1E+2", "-0", "-0.0", "1e400", "-1e400", "9007199254740991.0", "9007199254740993", "0.1e1", '"\\u0061\\/"')),
    *map(_raw, ('"\\ud83d\\ude00"', "[" * 64 + "]" * 64, "[" * 127 + "1" + "]" * 127, "[" * 129 + "]" * 129)),
    *([], [1], ["a", None], [[]], ["x"] * 3, {}, {"a": 1}, {"a": None}, {"status": 1, "signal": "x"}, {"verdict": "reset"}),
    *({"name": "n", "version": "1"}, {"code": "internal", "message": "m", "retryable": True}, {"run": "r"}, {"_tl": {}}),
)
"""What is put where something else stood."""
NAMES: Final = (
    *("type", "payload", "data", "_tl", "metadata", "run", "session", "topic", "pos", "seq", "status", "granted", "value", "reason"),
    *("error", "result", "message", "x.y", "", "é", "__proto__", "constructor", "toString", "hasOwnProperty", "length"),
)
"""Fields that are added."""


def _nested(depth: int) -> str:
    return '{"type":"ping","payload":{"any":' + "[" * depth + "1" + "]" * depth + "}}"


EDGES: Final = (
    *("", " ", "{", "}", "[]", "null", "1", '"x"', "{}", '{"type":}', "{'type':'ping'}", '{"type":"ping",}', '{"type":"ping"} x'),
    *('\ufeff{"type":"ping"}', '{"type":"ping","payload":NaN}', '{"type":"ping","payload":Infinity}', '{"type":"ping","payload":01}'),
    *('{"type":"ping","payload":1.}', '{"type":"ping","payload":.5}', '{"type":"ping","payload":+1}', '{"type":"ping","payload":"\x01"}'),
    *('{"type":"ping","payload":"\\ud800"}', '{"type":"ping","payload":"\\udc00\\ud800"}', '{"type":"ping","payload":"\\x"}'),
    *(
        '{"type":"ping","payload":"\t"}',
        '{"type":"ping"/**/}',
        '{"type":"ping","payload":tru}',
        '{"type":7}',
        '{"type":""}',
        '{"type":null}',
    ),
    *('{"type":"' + "x" * 128 + '"}', '{"type":"' + "x" * 129 + '"}', '{"type":"our_own"}', '{"type":"__proto__"}', '{"type":"toString"}'),
    *map(_nested, (64, 127, 128, 129, 5_000)),
)
"""Texts that are no frames, or nearly none."""
POSITION_OF_STATE: Final = '{"type":"progress","run":"r","pos":"1","payload":{}}'
"""What has no place in its message; chance alone may not find it."""


class Case(NamedTuple):
    """A frame and who sends it."""

    dialect: str
    sender: str
    frame: str


def cases() -> Iterator[Case]:
    """Gives all of them."""
    for dialect in DIALECTS:
        for text in EDGES:
            yield Case(dialect, "client", text)
        yield from _read_by_both(dialect, POSITION_OF_STATE)
        for number, frame in enumerate(golden(dialect)):
            chance = random.Random(f"{SEED} {dialect} {number}")  # noqa: S311 - the same each time
            yield from _read_by_both(dialect, spelled(frame))
            yield from (Case(reader, chance.choice(SENDERS), spelled(frame)) for reader in DIALECTS if reader != dialect)
            for changed in _changed(frame, chance):
                yield from _read_by_both(dialect, changed)


def golden(dialect: str) -> Iterator[Any]:
    """Gives the frames of a dialect's vectors, accepted and rejected ones."""
    for kind in json.loads((VECTORS / f"{dialect}.json").read_text())["messages"]:
        yield from kind["accepted"]
        yield from (rejected["frame"] for rejected in kind["rejected"])


def spelled(frame: Any) -> str:
    """Gives the text of a frame."""
    text = json.dumps(frame, ensure_ascii=False)
    while (start := text.find(f'"{_MARK}')) >= 0:
        end = text.index(f'{_MARK}"', start + 1)
        text = text[:start] + json.loads(text[start : end + len(_MARK) + 1])[len(_MARK) : -len(_MARK)] + text[end + len(_MARK) + 1 :]
    return text


def _read_by_both(dialect: str, text: str) -> Iterator[Case]:
    return (Case(dialect, sender, text) for sender in SENDERS)


def _changed(frame: Any, chance: random.Random) -> Iterator[str]:
    """Gives changed frames, and texts with a character too few or too many."""
    for _ in range(CHANGED_PER_FRAME):
        changed = copy.deepcopy(frame)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            changed = _change(changed, chance)
        yield spelled(changed)
    text = spelled(frame)
    at = chance.randrange(len(text))
    yield text[:at] + text[at + 1 :]
    yield text[:at] + chance.choice('{}[]",:\\ 0-e.tn') + text[at:]


def _change(frame: Any, chance: random.Random) -> Any:
    """Changes one thing somewhere in the frame."""
    holders = [value for value in _within(frame) if value]
    if not holders:
        return chance.choice(VALUES)
    holder = chance.choice(holders)
    place = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    # What is drawn may be a list, which a later change must not change for all.
    value = copy.deepcopy(chance.choice(VALUES))
    match chance.choice(("put", "put", "put", "drop", "add", "rename", "turn")), holder:
        case "put", _:
            holder[place] = value
        case "drop", _:
            del holder[place]
        case "add", dict():
            holder[chance.choice(NAMES)] = value
        case "add", list():
            holder.append(value)
        case "rename", dict():
            holder[chance.choice(NAMES)] = holder.pop(place)
        case _, dict():  # the first field becomes the last
            first = next(iter(holder))
            holder[first] = holder.pop(first)
        case _, list():
            holder.reverse()
    return frame


def _within(value: Any) -> Iterator[Any]:
    """Gives every dict and list in a value, itself included."""
    if isinstance(value, dict | list):
        yield value
        for member in value.values() if isinstance(value, dict) else value:
            yield from _within(member)
