"""The five dialects, against the golden vectors that all languages share and against generated messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw

from trunkline import FrameRefused
from trunkline.dialects import DEPTH_MAX, DIALECTS, Dialect, Envelope, decode, encode

PROTOCOL = Path(__file__).parents[3] / "protocol"


def vectors(name: str) -> Any:
    return json.loads((PROTOCOL / "vectors" / f"{name}.json").read_text())


ENVELOPES, CONVERSIONS = vectors("envelopes"), vectors("dialects")
MESSAGES = [
    pytest.param(dialect, frame, id=f"{dialect} {case['type']} {number}")
    for dialect in DIALECTS
    for case in vectors(f"messages/{dialect}")["messages"]
    for number, frame in enumerate(case["accepted"])
]


def named(cases: list[Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.get('dialect', '')} {case['name']}") for case in cases])


def content(text: str | Raw) -> Any:
    """What JSON text says, numbers as they are written and names that stand twice included; the order of members does not count."""
    text = text if isinstance(text, str) else bytes(text).decode()
    return json.loads(
        text, object_pairs_hook=lambda pairs: {"object": sorted(pairs, key=lambda pair: pair[0])}, parse_float=str, parse_int=str
    )


def meaning(envelope: Envelope) -> Any:
    parts = {name: getattr(envelope, name) for name in envelope.__struct_fields__}
    for name in ("beside", "wrapped"):
        parts[name] = {unknown: content(text) for unknown, text in parts[name].items()}
    return {name: content(part) if isinstance(part, Raw) else part for name, part in parts.items()}


def code_of(dialect: Dialect, frame: str | bytes) -> str:
    try:
        decode(dialect, frame)
    except FrameRefused as refused:
        return refused.code
    return "accepted"


# The vectors


@named(CONVERSIONS["conversions"])
def test_a_message_is_spelled_the_same_whichever_dialect_it_comes_from(case: dict[str, Any]) -> None:
    for from_ in DIALECTS:
        envelope = decode(from_, json.dumps(case[from_]))
        for to in DIALECTS:
            assert json.loads(encode(to, envelope)) == case[to], (from_, to)


@named(CONVERSIONS["texts"])
def test_content_stays_the_text_that_it_was(case: dict[str, Any]) -> None:
    for from_ in DIALECTS:
        envelope = decode(from_, case[from_])
        assert {to: encode(to, envelope) for to in DIALECTS} == {to: case[to] for to in DIALECTS}, from_


@named(CONVERSIONS["written_otherwise"])
def test_other_spellings_of_a_message_are_understood(case: dict[str, Any]) -> None:
    envelope = decode(case["dialect"], json.dumps(case["frame"]))
    assert json.loads(encode("native", envelope)) == case["native"]
    assert json.loads(encode(case["dialect"], envelope)) != case["frame"]


@named(ENVELOPES["rejected"] + CONVERSIONS["rejected"])
def test_what_is_no_message_of_its_dialect_is_refused(case: dict[str, Any]) -> None:
    assert code_of(case["dialect"], case["wire"]) == case["code"]


@named(ENVELOPES["accepted"])
def test_an_envelope_survives_every_dialect(case: dict[str, Any]) -> None:
    envelope = decode(case["dialect"], case["wire"])
    assert json.loads(encode("native", envelope)) == case["envelope"]
    assert json.loads(encode(case["dialect"], envelope)) == json.loads(case.get("written", case["wire"]))
    for dialect in DIALECTS:
        assert meaning(decode(dialect, encode(dialect, envelope))) == meaning(envelope), dialect


@pytest.mark.parametrize(("dialect", "frame"), MESSAGES)
def test_a_frame_of_the_catalogue_is_written_as_it_was_read(dialect: Dialect, frame: dict[str, Any]) -> None:
    envelope = decode(dialect, json.dumps(frame))
    assert json.loads(encode(dialect, envelope)) == frame
    for other in DIALECTS:
        assert json.loads(encode(dialect, decode(other, encode(other, envelope)))) == frame, other


# Generated messages

CLASHING = "type payload data _tl _beside _content metadata message_id timestamp session_id id ts session run seq to meta error __proto__"
NAMES = st.sampled_from([*CLASHING.split(" "), "a", "b c", '\\u0061"', "é"])
LEAVES = st.sampled_from(
    ["null", "0", "3", "-0", "1e999", "9" * 400, '""', '"m1"', '"1-a-b"', '"x \\" \\\\ y"', "{}", "[]", '["message_id"]']
)


def object_text(members: list[tuple[str, str]]) -> str:
    """JSON of an object in which a name may stand twice."""
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members) + "}"


TEXTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda items: "[" + ",".join(items) + "]"),
        st.lists(st.tuples(NAMES, inner), max_size=4).map(object_text),
    ),
    max_leaves=12,
)
FRAMES = st.lists(st.tuples(NAMES, TEXTS), max_size=6, unique_by=lambda member: member[0]).map(
    lambda members: object_text([("type", '"t"'), *(member for member in members if member[0] != "type")])
)
RAWS = TEXTS.map(lambda text: Raw(text.encode()))
FREE = st.lists(st.tuples(NAMES, TEXTS), max_size=3).map(lambda members: Raw(object_text(members).encode()))
MAYBE_TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
MAYBE_COUNT = st.none() | st.integers(0, 2**53 - 1)
ENVELOPE = st.builds(
    Envelope,
    type=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    id=st.none() | st.from_regex(r"\A[A-Za-z0-9_.:-]{1,64}\Z"),
    ts=MAYBE_TEXT,
    session=MAYBE_TEXT,
    run=MAYBE_TEXT,
    seq=MAYBE_COUNT,
    deadline_ms=MAYBE_COUNT,
    to=st.none() | st.dictionaries(NAMES, st.text("ab", max_size=2), max_size=3),
    payload=st.none() | RAWS,
    error=st.none() | st.just(Raw(b'{"code":"internal","message":"m","retryable":true,"later":[1e999]}')),
    meta=st.none() | FREE,
    beside=st.dictionaries(NAMES, RAWS, max_size=3),
    wrapped=st.dictionaries(NAMES, RAWS, max_size=3),
)


def check_that_every_dialect_carries(envelope: Envelope) -> None:
    for dialect in DIALECTS:
        spelled = encode(dialect, envelope)
        assert meaning(decode(dialect, spelled)) == meaning(envelope), f"{dialect}: {spelled}"


@given(st.sampled_from(DIALECTS), FRAMES)
@example("native", '{"type":"t","seq":1,"payload":{"metadata":{"a":1,"a":2}}}')
@example("data", '{"type":"t","payload":1,"data":{"type":2}}')
def test_whatever_a_dialect_reads_every_dialect_can_carry(from_: Dialect, frame: str) -> None:
    if code_of(from_, frame) == "accepted":
        check_that_every_dialect_carries(decode(from_, frame))


@given(ENVELOPE)
def test_every_dialect_carries_an_envelope_or_all_refuse_it(envelope: Envelope) -> None:
    try:
        encode("native", envelope)
    except FrameRefused:
        for dialect in DIALECTS:
            with pytest.raises(FrameRefused):
                encode(dialect, envelope)
    else:
        check_that_every_dialect_carries(envelope)


@given(st.sampled_from(DIALECTS), st.text() | st.binary() | st.text('{}[]",:\\ u0dt1ype_l', max_size=40))
@example("flat", "\ud800")
@example("native", b'{"type":"t","payload":"\xff"}')
@example("open", '{"type":"' + "\\")
@example("data", "[" * 100_000)
def test_whatever_is_read_is_a_message_or_refused(dialect: Dialect, frame: str | bytes) -> None:
    assert code_of(dialect, frame) in ("accepted", "bad_envelope", "payload_too_deep")


# Writing


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "envelope",
    [
        Envelope(type=""),
        Envelope(type="t" * 129),
        Envelope(type="\ud800"),
        Envelope(type="t", id="a b"),
        Envelope(type="t", ts="\ud800"),
        Envelope(type="t", seq=2**53),
        Envelope(type="t", deadline_ms=True),
        Envelope(type="t", to={str(number): "a" for number in range(17)}),
        Envelope(type="t", payload=Raw(b"{")),
        Envelope(type="t", payload=Raw(b'1,"id":"m1"')),
        Envelope(type="t", payload=Raw(b'"\xff"')),
        Envelope(type="t", payload=Raw(b'"\\ud800"')),
        Envelope(type="t", meta=Raw(b"[]")),
        Envelope(type="t", error=Raw(b'{"code":"internal"}')),
        Envelope(type="t", beside={"id": Raw(b"1")}),
        Envelope(type="t", beside={"_tl": Raw(b"1")}),
        Envelope(type="t", wrapped={"run": Raw(b'"r1"')}),
        Envelope(type="t", wrapped={"_beside": Raw(b"{}")}),
        Envelope(type="t", wrapped={str(number): Raw(b"1") for number in range(65)}),
    ],
)
def test_an_envelope_that_nobody_could_read_is_not_written(dialect: Dialect, envelope: Envelope) -> None:
    with pytest.raises(FrameRefused) as refused:
        encode(dialect, envelope)
    assert refused.value.code == "bad_envelope"


def test_content_that_nests_too_far_is_not_written() -> None:
    with pytest.raises(FrameRefused) as refused:
        encode("native", Envelope(type="t", payload=Raw(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)))
    assert refused.value.code == "payload_too_deep"


def test_white_space_around_content_is_left_out() -> None:
    assert encode("native", Envelope(type="t", payload=Raw(b" [1]\n"))) == '{"type":"t","payload":[1]}'


def test_content_is_read_by_msgspec() -> None:
    envelope = decode("flat", b'{"type":"user_message","message":"hi","metadata":{"_tl":{"run":"r1"}}}')
    assert envelope.payload is not None
    assert msgspec.json.decode(envelope.payload) == {"message": "hi"}
    assert envelope.run == "r1"


def test_a_dialect_that_does_not_exist_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="klingon"):
        decode("klingon", "{}")  # type: ignore[arg-type]


def test_the_depth_is_the_contracts() -> None:
    assert json.loads((PROTOCOL / "limits.json").read_text())["limits"]["depth_max"] == DEPTH_MAX
