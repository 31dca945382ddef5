"""One call to this worker, from its CALL to its terminal message.

Purpose: runs the handler, lets it produce as far as credit reaches, cancels it, and turns however it ended into exactly one terminal
message. It does not know other calls, nor the connection's coming and going beyond the link it is given.
"""

from __future__ import annotations

import asyncio
import enum
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from trunkline import _answer, _event, _json, _payload
from trunkline._answer import Answer, Question
from trunkline._call import CallLedger
from trunkline._connection import Link
from trunkline._event import STATE, Spelled
from trunkline._inputs import Input, Inputs
from trunkline._log import Entry, logger
from trunkline._outgoing import Call
from trunkline._protocol import CallMeta, Kind, Message
from trunkline._service import Flavour, Service
from trunkline._threads import ThreadFeed, exhaust
from trunkline.errors import HandlerError, PayloadTooLarge, Retryable
from trunkline.run import BlockingRun, Run

CANCEL_IGNORED_S: Final = 2.0
"""A handler that still runs this long after its cancel is reported in the log."""
HEADER_BYTES_MAX: Final = 4_096
"""Room that a message keeps for its header beside its payload."""
LATEST_MAX: Final = 32
"""How many states a call keeps for a gateway that is away or slow, as many as that takes at once; the oldest goes first."""
ERROR_MESSAGE_CHARACTERS_MAX: Final = 2_000
ERROR_DETAILS_BYTES_MAX: Final = 64 * 1024
"""Error texts and details travel in headers; these bounds keep them there."""


class CancelReason(enum.Enum):
    """Why a handler is cancelled: the error's code, its message, and whether a retry makes sense."""

    ASKED = ("cancelled", "the run was cancelled", False)
    DEADLINE = ("deadline_exceeded", "the run's deadline has passed", True)
    DROPPED = ("cancelled", "the gateway no longer wants the run", False)
    STOPPING = ("worker_lost", "the worker is stopping", True)


class Outcome(NamedTuple):
    """How a handler ended, as its terminal message says it."""

    kind: Kind
    meta: dict[str, Any]
    payload: bytes = b""


class Host(Protocol):
    """What an execution needs of the worker around it."""

    @property
    def link(self) -> Link | None:
        """The connection, while there is one."""

    @property
    def slots(self) -> asyncio.Semaphore:
        """One permit for each handler that may run at a time."""

    @property
    def message_bytes_max(self) -> int:
        """The size a message may have."""

    def call(self, execution: Execution, service: str, payload: Any, deadline_s: float | None) -> Call:
        """Calls another service on behalf of a run."""

    def ended(self, execution: Execution) -> None:
        """The execution has produced its terminal message."""


class Execution:
    """One call: its handler's task, its ledger, its cancel."""

    def __init__(self, host: Host, service: Service, meta: CallMeta, payload: bytes, ledger: CallLedger) -> None:
        """Prepares; `start` begins."""
        self.ledger = ledger
        self.meta = meta
        self.service = service
        self.calls: set[Call] = set()
        """The calls that the handler made and that are not over."""
        self.is_running = False
        """Whether the handler has got its turn and not ended."""
        self.is_forgotten = False
        """Whether the gateway no longer wants to hear of it."""
        self._host = host
        self._payload = payload
        self._loop = asyncio.get_running_loop()
        self._may_send = asyncio.Event()
        # By type and key, the state that has waited longest first.
        self._latest: dict[tuple[str, str | None], Message] = {}
        self._has_dropped_state = False
        self._cancel_reason: CancelReason | None = None
        # A task that is cancelled before its first step never runs at all, so it is left to see the reason by itself.
        self._has_begun = False
        self._cancelled_at = 0.0
        self._deadline_at: float | None = None
        self._deadline_timer: asyncio.TimerHandle | None = None
        self._left_s: float | None = None  # what is left of the deadline, while it stands still
        self._holds_slot = False
        self._questions: dict[str, asyncio.Future[Answer]] = {}
        self._inputs = Inputs()
        self._timers: list[asyncio.TimerHandle] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def run_id(self) -> str:
        """The run that is executed."""
        return self.ledger.run

    @property
    def is_cancelled(self) -> bool:
        """Whether the handler was told to stop."""
        return self._cancel_reason is not None

    @property
    def remaining_s(self) -> float | None:
        """The seconds left until the run's deadline; None where there is none."""
        if self._left_s is not None:
            return self._left_s
        return None if self._deadline_at is None else max(0.0, self._deadline_at - self._loop.time())

    @property
    def task(self) -> asyncio.Task[None]:
        """The handler's task."""
        assert self._task is not None, "start comes first"  # noqa: S101 - a rule of this class
        return self._task

    def start(self) -> None:
        """Starts the handler as soon as a slot is free; a deadline runs from now."""
        self._task = self._loop.create_task(self._execute(), name=f"run {self.run_id}")
        if self.meta.deadline_ms is not None:
            self._run_out_in(self.meta.deadline_ms / 1000)

    def cancel(self, reason: CancelReason) -> None:
        """Cancels the handler; only the first reason counts, and nothing happens once it has ended."""
        if self.is_cancelled or self.ledger.ended:
            return
        self._cancel_reason = reason
        self._cancelled_at = self._loop.time()
        self._timers.append(self._loop.call_later(CANCEL_IGNORED_S, self._report_ignored))
        self._close_calls()
        if self._has_begun:
            self.task.cancel()

    def wake(self) -> None:
        """Looks again whether events may be sent: credit came, or the connection changed."""
        self._send_latest()
        if self._can_send:
            self._may_send.set()

    async def produce(self, event: Spelled) -> None:
        """Numbers and sends an event once there is credit, or latest state at once.

        Raises PayloadTooLarge for what no message can hold.
        """
        if event.kind == STATE:
            self.latest(event)
            return
        self.check_size(event.payload)
        await self._wait_for_credit()
        self._send(self.ledger.chunk(event.kind, event.name, event.payload, event.codec))

    def latest(self, state: Spelled) -> None:
        """Sends the newest state of a type and key at the end of this loop tick, or when the connection allows; it replaces older ones."""
        if self.ledger.ended:
            return
        if not self._latest:
            self._loop.call_soon(self._send_latest)
        meta = {} if state.key is None else {"key": state.key}
        self._latest.pop((state.name, state.key), None)
        if len(self._latest) >= LATEST_MAX:
            self._drop_state()
        self._latest[state.name, state.key] = Message(Kind.EVENT, self.ledger.corr, state.name, meta, state.payload)

    def call(self, service: str, payload: Any, *, deadline_s: float | None) -> Call:
        """Calls another service on behalf of this run."""
        return self._host.call(self, service, payload, deadline_s)

    @property
    def is_waiting(self) -> bool:
        """Whether a person is asked."""
        return bool(self._questions)

    async def ask(self, question: Question, checkpoint: bytes | None) -> Answer:
        """Asks a person and waits for the answer, without a slot and without time running out.

        Raises PayloadTooLarge for what no message can hold, ValueError for more questions than may be open.
        """
        written = question.written()
        self.check_size(written.payload)
        if checkpoint is not None and len(checkpoint) > _answer.CHECKPOINT_BYTES_MAX:
            raise PayloadTooLarge(f"a checkpoint of {len(checkpoint)} bytes exceeds {_answer.CHECKPOINT_BYTES_MAX}")
        if len(self._questions) >= _answer.OPEN_MAX:
            raise ValueError(f"a run may have {_answer.OPEN_MAX} questions open")
        request = secrets.token_hex(8)
        answered: asyncio.Future[Answer] = self._loop.create_future()
        self._questions[request] = answered
        try:
            await self._wait_for_credit()
            self._send(self.ledger.ask(request, written.payload, written.codec, checkpoint))
            self._begin_to_wait()
            return await answered
        finally:
            self._forget_question(request)
            await self._end_to_wait()

    def answered(self, answer: Answer) -> None:
        """Takes an answer; one that nobody waits for is a repetition."""
        waiting = self._questions.get(answer.request_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    @property
    def takes_input(self) -> bool:
        """Whether the service said that its runs take further messages."""
        return self.service.takes_input

    def given(self, message: Message) -> None:
        """Takes an INPUT; one that was taken before is a repetition. Raises ProtocolViolation for one that does not fit."""
        if self.takes_input and not self.ledger.ended and not self.ledger.has_taken(message.meta.get("message", "")):
            self._inputs.add(message)

    async def take_input(self, *, wait: bool) -> Input | None:
        """Takes the next message, once there is credit to say so; None where there is none and `wait` is false."""
        while True:
            if wait:
                await self._inputs.wait()
            elif not self._inputs:
                return None
            await self._wait_for_credit()
            if self._inputs:  # two may have waited for the same one
                taken = self._inputs.take()
                self._send(self.ledger.take(taken.id))
                return taken

    def _begin_to_wait(self) -> None:
        if self._holds_slot:
            self._holds_slot = False
            self.is_running = False
            self._host.slots.release()
        if self._deadline_timer is not None:
            self._left_s = self.remaining_s
            self._deadline_timer.cancel()
            self._deadline_timer = None

    async def _end_to_wait(self) -> None:
        if self._questions:
            return
        if self._left_s is not None and self._deadline_timer is None:
            left_s, self._left_s = self._left_s, None
            self._run_out_in(left_s)
        if not self._holds_slot and not self.is_cancelled:
            await self._take_slot()

    async def _take_slot(self) -> None:
        await self._host.slots.acquire()
        if self._holds_slot:  # two questions were answered at once
            self._host.slots.release()
        self._holds_slot = self.is_running = True

    def _forget_question(self, request: str) -> None:
        del self._questions[request]
        if request in self.ledger.asks:
            self.ledger.asks.remove(request)

    def _run_out_in(self, seconds: float) -> None:
        self._deadline_at = self._loop.time() + seconds
        self._deadline_timer = self._loop.call_at(self._deadline_at, self.cancel, CancelReason.DEADLINE)

    def check_size(self, payload: bytes) -> None:
        """Raises PayloadTooLarge for what no message can hold."""
        limit = self._host.message_bytes_max - HEADER_BYTES_MAX
        if len(payload) > limit:
            raise PayloadTooLarge(f"a payload of {len(payload)} bytes exceeds {limit}")

    async def _wait_for_credit(self) -> None:
        while not self._can_send:
            self._may_send.clear()
            await self._may_send.wait()

    @property
    def _can_send(self) -> bool:
        link = self._host.link
        return self.ledger.has_credit and (link is None or link.is_writable)

    async def _execute(self) -> None:
        self._has_begun = True
        try:
            if self.is_cancelled:
                raise asyncio.CancelledError
            await self._take_slot()
            outcome = await self._perform()
            self.check_size(outcome.payload)
        except asyncio.CancelledError as error:
            outcome = self._unexpected(error) if self._cancel_reason is None else _cancelled(self._cancel_reason)
        except HandlerError as error:
            outcome = self._failed(error)
        except (Exception, SystemExit, BaseExceptionGroup) as error:
            outcome = self._unexpected(error)
        self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        self.is_running = False
        if self._holds_slot:
            self._holds_slot = False
            self._host.slots.release()
        self._send_latest()
        self._close_calls()
        for timer in (*self._timers, self._deadline_timer):
            if timer is not None:
                timer.cancel()
        self._send(self.ledger.end(*outcome))
        self._report_cancelled(outcome)
        self._host.ended(self)

    async def _perform(self) -> Outcome:
        if self.service.flavour in (Flavour.THREAD_STREAM, Flavour.THREAD_FUNCTION):
            return await self._perform_in_thread()
        handler = partial(self.service.handler, **self.service.arguments(self.meta.codec, self._payload, Run(self.meta, self)))
        if self.service.flavour is Flavour.STREAM:
            await _exhaust(handler(), self.produce)
            return Outcome(Kind.END, {})
        return _result(await handler())

    async def _perform_in_thread(self) -> Outcome:
        feed = ThreadFeed()
        handler = partial(
            self.service.handler, **self.service.arguments(self.meta.codec, self._payload, BlockingRun(self.meta, self, feed))
        )
        if self.service.flavour is Flavour.THREAD_STREAM:
            await feed.pump(lambda: exhaust(handler(), feed), self.produce)
            return Outcome(Kind.END, {})
        return _result(await feed.pump(handler, self.produce))

    def _send(self, message: Message) -> None:
        if self._host.link is not None and not self.is_forgotten:
            self._host.link.send(message)

    def _send_latest(self) -> None:
        link = self._host.link
        if not self._latest or self.ledger.ended or link is None or not link.is_writable:
            return
        messages, self._latest = self._latest, {}
        for message in messages.values():
            self._send(Message(message.kind, self.ledger.corr, message.name, message.meta, message.payload))

    def _drop_state(self) -> None:
        name, key = next(iter(self._latest))
        del self._latest[name, key]
        if not self._has_dropped_state:
            self._has_dropped_state = True
            logger.warning(Entry("latest state dropped", run=self.run_id, type=name, key=key, waiting=LATEST_MAX))

    def _close_calls(self) -> None:
        for call in list(self.calls):
            call.cancel()

    def _failed(self, error: HandlerError) -> Outcome:
        message = error.message[:ERROR_MESSAGE_CHARACTERS_MAX].encode(errors="replace").decode()
        meta: dict[str, Any] = {"code": error.code, "message": message}
        meta["retryable"] = error.retryable
        if isinstance(error, Retryable) and error.retry_after is not None:
            meta["retry_after_ms"] = max(0, round(error.retry_after.total_seconds() * 1000))
        if error.details is not None and (details := self._details(error.details)) is not None:
            meta["details"] = details
        logger.info(Entry("run failed", run=self.run_id, service=self.service.name, code=error.code))
        return Outcome(Kind.ERROR, meta)

    def _details(self, details: dict[str, Any]) -> Any:
        try:
            spelled = _json.encode(details)
        except _json.UNSPELLABLE as error:
            logger.warning(Entry("error details dropped", run=self.run_id, reason=error))
            return None
        if len(spelled) > ERROR_DETAILS_BYTES_MAX:
            logger.warning(Entry("error details dropped", run=self.run_id, reason="too large", bytes=len(spelled)))
            return None
        return _json.decode(spelled)

    def _unexpected(self, error: BaseException) -> Outcome:
        trace_id = secrets.token_hex(8)
        entry = Entry("handler failed", run=self.run_id, service=self.service.name, trace_id=trace_id)
        logger.error(entry, exc_info=error)
        meta = {
            "code": "upstream_error",
            "message": "the service failed",
            "retryable": False,
            "trace_id": trace_id,
        }
        return Outcome(Kind.ERROR, meta)

    def _report_cancelled(self, outcome: Outcome) -> None:
        if self._cancel_reason is None:
            return
        took_ms = (self._loop.time() - self._cancelled_at) * 1000
        ended = str(outcome.meta.get("code", outcome.kind.name.lower()))
        reason = self._cancel_reason.name.lower()
        entry = Entry(
            "run cancelled",
            run=self.run_id,
            service=self.service.name,
            reason=reason,
            ended=ended,
            took_ms=took_ms,
        )
        logger.info(entry)

    def _report_ignored(self) -> None:
        entry = Entry("run ignores its cancel", run=self.run_id, service=self.service.name, seconds=CANCEL_IGNORED_S)
        logger.warning(entry)


async def _exhaust(stream: AsyncGenerator[Any, None], produce: Callable[[Spelled], Awaitable[None]]) -> None:
    """Produces every item of a generator; a cancel that comes while one waits for credit is raised where it was yielded."""
    try:
        advance: Callable[[], Awaitable[Any]] = stream.__anext__
        while True:
            try:
                item = await advance()
            except StopAsyncIteration:
                return
            advance = stream.__anext__
            try:
                await produce(_event.spell(item))
            except asyncio.CancelledError as cancelled:
                advance = partial(stream.athrow, cancelled)
    finally:
        await stream.aclose()


def _result(value: Any) -> Outcome:
    codec, payload = _payload.write(value)
    return Outcome(Kind.RESULT, {} if codec == _payload.JSON else {"codec": codec}, payload)


def _cancelled(reason: CancelReason) -> Outcome:
    code, message, retryable = reason.value
    return Outcome(Kind.ERROR, {"code": code, "message": message, "retryable": retryable})
