"""All calls of a worker: those it serves and those it makes.

Purpose: the half of `protocol/worker.md` that is about calls (§2's open calls, §3, §4, DRAIN). It is the connection's peer and does not
know sockets, addresses, signals or reconnecting.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

import msgspec

from trunkline import _answer, _payload
from trunkline._call import CallLedger
from trunkline._connection import Link
from trunkline._execution import CancelReason, Execution
from trunkline._log import Entry, logger
from trunkline._open_calls import OpenCalls
from trunkline._outgoing import Call
from trunkline._protocol import (
    MESSAGE_BYTES_MAX,
    TERMINAL,
    AnswerMeta,
    CallMeta,
    Credit,
    Kind,
    Message,
    Numbered,
    Resumed,
    Welcome,
    read_meta,
)
from trunkline._service import Service
from trunkline.errors import CallFailed, Overloaded, ProtocolViolation

HELD_PER_SLOT_MAX: Final = 4
"""Calls held (waiting, running, or ended and not yet stored) for each handler that may run at a time; more are refused."""
WAITING_MAX: Final = 1_024
"""Calls that wait for a person and are not counted among those that are held; the gateway counts the same."""
CALLS_PER_RUN_MAX: Final = 64
"""Calls that one run may have under way; a handler that wants more waits for some first."""
CALL_DEADLINE_DEFAULT_S: Final = 60.0
"""The deadline of a call to another service where neither the handler nor its run gives one."""


class Runner:
    """Serves the calls that come over whatever link there is at the moment."""

    def __init__(self, name: str, services: Mapping[str, Service], *, concurrency: int, instance: str, spawned: bool = False) -> None:
        """Takes what to serve; `instance` stays the same for the life of the process, which a gateway has `spawned` or somebody else."""
        self._name = name
        self._services = services
        self._concurrency = concurrency
        self._instance = instance
        self._spawned = spawned
        self._executions = OpenCalls()
        self._unfinished: set[Execution] = set()  # those whose handler has not ended, forgotten ones too
        self._calls: dict[int, Call] = {}
        self._corrs = itertools.count(1, 2)
        self._window = Welcome().window
        self._stopping = False  # this worker drains itself, for good
        self._drained_by_gateway = False  # the gateway at the other end drains it; ends with the connection
        self._changed = asyncio.Event()
        self.slots = asyncio.Semaphore(concurrency)
        """One permit for each handler that may run at a time."""
        self.link: Link | None = None
        """The connection, while there is an accepted one."""
        self.message_bytes_max = MESSAGE_BYTES_MAX
        """The size a message may have."""

    def hello(self) -> Message:
        """Gives the HELLO to say now, with the calls that are still held."""
        services = [_described(service) for service in self._services.values()]
        meta = {
            "instance": self._instance,
            "sdk": f"trunkline-python/{version('trunkline')}",
            "pid": os.getpid(),
            "concurrency": self._concurrency,
            "services": services,
            "generation": os.environ.get("TRUNKLINE_GENERATION"),
            "codecs": list(_payload.CODECS),
            "token": os.environ.get("TRUNKLINE_TOKEN"),
            "open": [execution.ledger.offer() for execution in self._executions],
        }
        return Message(Kind.HELLO, 0, self._name, {key: value for key, value in meta.items() if value is not None})

    def welcomed(self, link: Link, welcome: Welcome) -> None:
        """Goes on with the calls that the gateway still wants, and gives up the others."""
        logger.info(Entry("gateway connected", epoch=welcome.epoch, resumed=len(welcome.resumed)))
        self._window = welcome.window
        self.message_bytes_max = min(welcome.message_bytes_max, MESSAGE_BYTES_MAX)
        held = {execution.run_id: execution for execution in self._executions}
        unknown = [resumed.run for resumed in welcome.resumed if resumed.run not in held]
        if unknown:
            raise ProtocolViolation(f"WELCOME resumes runs that were not offered: {unknown}")
        self._executions.clear()
        self.link = link
        for resumed in welcome.resumed:
            self._resume(held.pop(resumed.run), resumed)
        for execution in held.values():
            self._drop(execution)
        self._drained_by_gateway = False
        if self._stopping:
            self._send(Message(Kind.DRAIN))

    def disconnected(self) -> None:
        """Lets handlers go on without a link; the calls they made are lost with it."""
        self.link = None
        for call in list(self._calls.values()):
            call.fail(CallFailed("worker_lost", "the connection to the gateway was lost", retryable=True))
        self.writable()

    def writable(self) -> None:
        """Lets handlers send that waited for the gateway to read."""
        for execution in self._executions:
            execution.wake()

    def load(self) -> tuple[int, int]:
        """Gives the numbers of handlers that run and that wait for a slot."""
        running = sum(execution.is_running for execution in self._unfinished)
        return running, len(self._unfinished) - running

    def handle(self, message: Message) -> None:
        """Takes a message of a call, or DRAIN. Raises ProtocolViolation for what the contract does not allow."""
        if message.kind is Kind.DRAIN:
            self._drain_asked()
        elif message.corr % 2:
            self._handle_reply(message)
        elif message.kind is Kind.CALL:
            self._called(message)
        elif message.kind is Kind.CREDIT:
            self._credited(message)
        elif message.kind is Kind.CANCEL:
            if (execution := self._executions.get(message.corr)) is not None:
                execution.cancel(CancelReason.ASKED)
        elif message.kind is Kind.ANSWER:
            self._answered(message)
        elif message.kind is Kind.INPUT:
            if (execution := self._executions.get(message.corr)) is not None:
                execution.given(message)
        elif message.kind is not Kind.STATUS:
            raise ProtocolViolation(f"{message.kind.name} is nothing that a gateway sends")

    def call(self, execution: Execution, service: str, payload: Any, deadline_s: float | None) -> Call:
        """Calls another service for a run.

        Raises CallFailed without a link, Overloaded where too many are under way, PayloadTooLarge for what no message can hold.
        """
        if self.link is None or execution.is_cancelled:
            raise CallFailed("worker_lost", "there is no connection to the gateway", retryable=True)
        if len(execution.calls) >= CALLS_PER_RUN_MAX:
            raise Overloaded(f"a run may have {CALLS_PER_RUN_MAX} calls under way")
        written = _payload.write(payload)
        execution.check_size(written.payload)
        corr = next(self._corrs)
        call = Call(corr, send=self._send, forget=lambda corr: self._forget_call(execution, corr))
        self._calls[corr] = call
        execution.calls.add(call)
        call.start(service, written, run=execution.run_id, deadline_s=_deadline_s(execution, deadline_s))
        return call

    def ended(self, execution: Execution) -> None:
        """Counts a handler that has ended."""
        self._unfinished.discard(execution)
        self._call_over()

    async def drain(self) -> None:
        """Takes no new calls and waits until every open one has ended and is stored.

        Who only waits for a person is not waited for where somebody else goes on with the run, or nobody can. A gateway that ends together
        with this worker stores nothing any more.
        """
        self._stopping = True
        self._let_waiting_go()
        self._send(Message(Kind.DRAIN))
        await self._until(lambda: not self._unfinished and (self._ends_with_gateway or not self._executions))

    def stop(self) -> None:
        """Cancels every handler that still runs."""
        for execution in list(self._unfinished):
            execution.cancel(CancelReason.STOPPING)

    async def stopped(self) -> None:
        """Waits until no handler runs."""
        await self._until(lambda: not self._unfinished)

    def kill(self) -> list[asyncio.Task[None]]:
        """Cancels once more what ignored its cancel, and gives the tasks to wait for."""
        tasks = [execution.task for execution in self._unfinished]
        for task in tasks:
            task.cancel()
        return tasks

    def _called(self, message: Message) -> None:
        if message.corr == 0 or message.corr in self._executions:
            raise ProtocolViolation(f"CALL under corr {message.corr}, which is taken")
        meta = read_meta(message, CallMeta)
        service = self._services.get(message.name)
        if (refusal := self._refusal(service, meta)) is not None:
            logger.warning(Entry("call refused", run=meta.run, service=message.name, code=refusal["code"]))
            self._send(Message(Kind.ERROR, message.corr, meta={"seq": 0, **refusal}))
        elif service is not None:
            # A gateway that starts a run again has given up the earlier attempt.
            if (earlier := self._executions.pop_run(meta.run)) is not None:
                self._drop(earlier)
            ledger = CallLedger(meta.run, corr=message.corr, window=meta.window or self._window, attempt=meta.attempt)
            execution = Execution(self, service, meta, message.payload, ledger)
            self._executions.add(message.corr, execution)
            self._unfinished.add(execution)
            execution.start()

    def _refusal(self, service: Service | None, meta: CallMeta) -> dict[str, Any] | None:
        if service is None:
            return {"code": "no_worker", "message": "this worker has no such service", "retryable": False}
        if self._stopping or self._drained_by_gateway:
            return {"code": "no_worker", "message": "this worker is draining", "retryable": True}
        if self._is_full():
            return {"code": "overloaded", "message": "this worker holds too many calls", "retryable": True}
        if meta.codec not in _payload.CODECS:
            return {
                "code": "bad_request",
                "message": f"codec {meta.codec} is not supported",
                "retryable": False,
            }
        return None

    def _is_full(self) -> bool:
        held = max(len(self._executions), len(self._unfinished)) - HELD_PER_SLOT_MAX * self._concurrency
        # Who waits is counted only where it matters: there may be thousands.
        return held >= 0 and held >= min(sum(execution.is_waiting for execution in self._unfinished), WAITING_MAX)

    def _credited(self, message: Message) -> None:
        execution = self._executions.get(message.corr)
        if execution is None:
            return
        execution.ledger.acknowledge(read_meta(message, Credit).ack)
        if execution.ledger.is_over:
            self._executions.remove(message.corr)
            self._call_over()
        else:
            execution.wake()

    def _answered(self, message: Message) -> None:
        execution = self._executions.get(message.corr)
        if execution is None:
            return
        try:
            answer = _answer.read(message.payload)
        except msgspec.MsgspecError as error:
            raise ProtocolViolation(f"ANSWER: {error}") from error
        if answer.request_id != read_meta(message, AnswerMeta).request:
            raise ProtocolViolation("ANSWER to another question than it says")
        execution.answered(answer)

    def _resume(self, execution: Execution, resumed: Resumed) -> None:
        try:
            messages = execution.ledger.resume(corr=resumed.corr, ack=resumed.ack)
        except ProtocolViolation as error:
            # The gateway has lost events that it had said were stored; nobody has them any more.
            logger.error(Entry("run cannot go on", run=resumed.run, reason=error))
            meta = {
                "seq": resumed.ack,
                "code": "worker_lost",
                "message": "events of the run were lost",
                "retryable": False,
            }
            self._send(Message(Kind.ERROR, resumed.corr, meta=meta))
            self._drop(execution)
            return
        if execution.ledger.is_over:
            return
        self._executions.add(resumed.corr, execution)
        self._send_all(messages)
        execution.wake()

    def _drop(self, execution: Execution) -> None:
        execution.is_forgotten = True
        execution.cancel(CancelReason.DROPPED)

    def _handle_reply(self, message: Message) -> None:
        call = self._calls.get(message.corr)
        if message.kind is not Kind.CHUNK and message.kind not in TERMINAL:
            raise ProtocolViolation(f"{message.kind.name} for a call of this worker")
        if call is not None:
            call.handle(message)
        elif message.kind in TERMINAL:
            # It was given up here; this lets the callee forget it too.
            self._send(Message(Kind.CREDIT, message.corr, meta={"ack": read_meta(message, Numbered).seq + 1}))

    def _forget_call(self, execution: Execution, corr: int) -> None:
        call = self._calls.pop(corr, None)
        if call is not None:
            execution.calls.discard(call)

    def _drain_asked(self) -> None:
        logger.info(Entry("gateway drains", open=len(self._executions)))
        self._drained_by_gateway = True
        self._let_waiting_go()
        self._call_over()

    @property
    def _ends_with_gateway(self) -> bool:
        """Whether the gateway that has spawned this worker stops, and so does the worker: the gateway has let go of its calls."""
        return self._spawned and self._stopping and self._drained_by_gateway

    def _let_waiting_go(self) -> None:
        """Gives up the calls that another worker can go on with once their questions are answered, or that nobody answers any more."""
        for execution in list(self._unfinished):
            if execution.is_waiting and (execution.service.resumable or self._ends_with_gateway):
                execution.cancel(CancelReason.STOPPING)

    def _call_over(self) -> None:
        """Wakes who waits for the calls to be over, and parts from a gateway that waits for it."""
        self._changed.set()
        if self._drained_by_gateway and not self._stopping and not self._executions and self.link is not None:
            self.link.send(Message(Kind.DRAIN))
            self.link.leave()

    def _send(self, message: Message) -> None:
        if self.link is not None:
            self.link.send(message)

    def _send_all(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._send(message)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()


def _described(service: Service) -> dict[str, Any]:
    described: dict[str, Any] = {"name": service.name}
    if service.input_schema is not None:
        described["input"] = service.input_schema
    if service.idempotent:
        described["idempotent"] = True
    if service.resumable:
        described["resumable"] = True
    if service.takes_input:
        described["takes_input"] = True
    return described


def _deadline_s(execution: Execution, asked_s: float | None) -> float:
    limits = [CALL_DEADLINE_DEFAULT_S if asked_s is None else max(0.0, asked_s)]
    if execution.remaining_s is not None:
        limits.append(execution.remaining_s)
    return min(limits)
