"""The plain parts: ledgers, signatures, exports, log lines."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import trunkline
from trunkline import BlockingRun, ProtocolViolation, Run, Worker, errors
from trunkline._call import CallLedger, ReplyLedger
from trunkline._log import Entry, LineFormatter
from trunkline._protocol import Kind


def test_the_package_exports_what_users_need_and_nothing_else() -> None:
    assert trunkline.__all__ == sorted(trunkline.__all__)
    public = {name for name, value in vars(trunkline).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert set(trunkline.__all__) == public
    tree = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, errors.TrunklineError)}
    assert tree <= public


def test_every_exception_stands_in_the_drawing() -> None:
    assert errors.__doc__ is not None
    for name in vars(errors):
        if inspect.isclass(getattr(errors, name)) and issubclass(getattr(errors, name), errors.TrunklineError):
            assert name in errors.__doc__


def ledger(*, window: int = 2, events: int = 0) -> CallLedger:
    ledger = CallLedger("r1", corr=2, window=window)
    for _ in range(events):
        ledger.chunk("text", "", b"x")
    return ledger


def test_credit_is_what_is_not_acknowledged() -> None:
    full = ledger(window=2, events=2)
    assert not full.has_credit
    full.acknowledge(1)
    assert full.has_credit


def test_an_older_acknowledgement_changes_nothing() -> None:
    call = ledger(events=2)
    call.acknowledge(2)
    call.acknowledge(1)
    assert call.ack == 2


def test_credit_for_what_was_not_produced_is_refused() -> None:
    with pytest.raises(ProtocolViolation):
        ledger(events=1).acknowledge(2)


def test_a_call_is_over_once_its_terminal_is_stored() -> None:
    call = ledger(events=2)
    assert call.end(Kind.END, {}, b"").meta == {"seq": 2}
    call.acknowledge(2)
    assert not call.is_over
    call.acknowledge(3)
    assert call.is_over


def test_a_resumed_call_sends_what_is_not_stored_under_its_new_corr() -> None:
    call = ledger(window=9, events=3)
    call.acknowledge(1)
    again = call.resume(corr=8, ack=2)
    assert [(message.corr, message.meta["seq"]) for message in again] == [(8, 2)]
    assert call.chunk("text", "", b"x").corr == 8


@pytest.mark.parametrize("ack", [0, 4])
def test_a_call_cannot_resume_outside_of_what_is_kept(ack: int) -> None:
    call = ledger(window=9, events=3)
    call.acknowledge(1)
    with pytest.raises(ProtocolViolation):
        call.resume(corr=8, ack=ack)


@pytest.mark.parametrize("seqs", [[1], [0, 0], [0, 2], [0, 1, 2]])
def test_a_reply_out_of_order_or_beyond_its_credit_is_refused(seqs: list[int]) -> None:
    reply = ReplyLedger(window=2)
    for seq in seqs[:-1]:
        reply.arrived(seq, terminal=False)
    with pytest.raises(ProtocolViolation):
        reply.arrived(seqs[-1], terminal=False)


def test_a_reply_is_credited_by_half_windows() -> None:
    reply = ReplyLedger(window=4)
    for seq in range(4):
        reply.arrived(seq, terminal=False)
    assert [reply.consumed() for _ in range(4)] == [None, 2, None, 4]
    reply.arrived(4, terminal=True)
    assert reply.closed() == 5


async def coroutine(payload: Any) -> None: ...
async def stream(payload: Any) -> AsyncIterator[str]:
    yield ""


def plain(payload: Any) -> None: ...
def generator(payload: Any) -> Iterator[str]:
    yield ""


async def wrong_run(run: BlockingRun) -> None: ...
def wrong_run_in_thread(run: Run) -> None: ...
async def without_yield(payload: Any) -> AsyncIterator[str]:
    raise NotImplementedError


def without_yield_in_thread(payload: Any) -> Iterator[str]:
    raise NotImplementedError


async def too_many(payload: Any, other: Any, run: Run) -> None: ...
async def variadic(*payload: Any) -> None: ...
async def unreadable(payload: Callable[[], None]) -> None: ...


@pytest.mark.parametrize(
    ("handler", "threads", "reason"),
    [
        (plain, False, "threads=True"),
        (generator, False, "threads=True"),
        (coroutine, True, "needs no thread"),
        (stream, True, "needs no thread"),
        (wrong_run, False, "is a Run, not a BlockingRun"),
        (wrong_run_in_thread, True, "is a BlockingRun, not a Run"),
        (without_yield, False, "says that it streams and has no yield"),
        (without_yield_in_thread, True, "says that it streams and has no yield"),
        (too_many, False, "other is one too many"),
        (variadic, False, "must be a plain, named one"),
        (unreadable, False, "cannot be read from JSON"),
        (3, False, "is no function"),
    ],
)
def test_a_handler_that_cannot_be_served_is_refused_when_it_is_registered(handler: Any, threads: bool, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        Worker("w").service("s", threads=threads)(handler)


@pytest.mark.parametrize("name", ["", "x" * 129])
def test_a_service_name_has_bounds(name: str) -> None:
    with pytest.raises(ValueError, match="service name"):
        Worker("w").service(name)(coroutine)


def test_a_service_is_registered_once() -> None:
    worker = Worker("w")
    worker.service("s")(coroutine)
    with pytest.raises(ValueError, match="twice"):
        worker.service("s")(stream)


def test_a_log_line_has_its_fields() -> None:
    record = logging.LogRecord("trunkline", logging.INFO, "", 0, Entry("run failed", run="r 1", ms=1.25, user=None, note=""), (), None)
    record.created = 0.0
    assert LineFormatter().format(record) == "1970-01-01T00:00:00.000Z info trunkline run failed run='r 1' ms=1.2 note=''"
