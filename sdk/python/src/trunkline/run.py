"""What a handler knows about its run and can do with it.

Purpose: the one object a handler gets beside its payload. How events are numbered, credited and sent is not known here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from trunkline import _answer, _event
from trunkline._answer import Answer, Question, QuestionKind
from trunkline._event import STATE, Event, Spelled
from trunkline._inputs import Input
from trunkline._outgoing import Call
from trunkline._protocol import CallMeta
from trunkline._threads import ThreadFeed


class Channel(Protocol):
    """How a run reaches its gateway."""

    @property
    def is_cancelled(self) -> bool:
        """Whether the run is being cancelled."""

    async def produce(self, event: Spelled) -> None:
        """Sends an event once there is credit, or latest state at once."""

    def latest(self, state: Spelled) -> None:
        """Sends latest state."""

    def call(self, service: str, payload: Any, *, deadline_s: float | None) -> Call:
        """Calls another service."""

    @property
    def remaining_s(self) -> float | None:
        """The seconds left until the deadline."""

    async def ask(self, question: Question, checkpoint: bytes | None) -> Answer:
        """Asks a person and waits for the answer."""

    @property
    def takes_input(self) -> bool:
        """Whether the service takes further messages."""

    async def take_input(self, *, wait: bool) -> Input | None:
        """Takes the next further message."""


class RunFacts:
    """What is known about a run; all of it stays the same while the run lasts, except `cancelled`."""

    def __init__(self, meta: CallMeta, channel: Channel) -> None:
        """Made by the SDK."""
        self._channel = channel
        self.id = meta.run
        """The run's id."""
        self.session = meta.session
        """The session it belongs to."""
        self.realm = meta.realm
        """The realm, which separates tenants or business areas."""
        self.user = meta.user
        """The user, where the session has one."""
        self.message_id = meta.message
        """The id of the client's message that started it."""
        self.type = meta.type
        """The type of that message."""
        self.attempt = meta.attempt
        """1, or more where an earlier attempt failed."""
        self.traceparent = meta.traceparent
        """The W3C trace context, where the gateway traces."""
        self.checkpoint = meta.checkpoint
        """What an earlier attempt gave to `ask`, where this one goes on from there; None otherwise."""
        self.answers = [_answer.read(answer) for answer in meta.answers]
        """What was answered to the last questions of that attempt."""

    @property
    def answer(self) -> Answer | None:
        """The last of `answers`; None where there is none."""
        return self.answers[-1] if self.answers else None

    @property
    def deadline(self) -> datetime | None:
        """When the run ends at the latest; it is cancelled then. Where a person is asked it moves on; None where there is none."""
        return None if (remaining := self.remaining) is None else datetime.now(UTC) + remaining

    @property
    def remaining(self) -> timedelta | None:
        """The time left until the deadline; never negative; None where there is no deadline. It stands still while a person is asked."""
        return None if (left_s := self._channel.remaining_s) is None else timedelta(seconds=left_s)

    @property
    def cancelled(self) -> bool:
        """Whether the run is being cancelled."""
        return self._channel.is_cancelled

    def _check_takes_input(self) -> None:
        if not self._channel.takes_input:
            raise RuntimeError("this service takes no input: register it with takes_input=True")


class Run(RunFacts):
    """The run of an async handler."""

    async def progress(self, message: str, *, percentage: float | None = None, stage: str | None = None) -> None:
        """Tells the client how far the run is (`percentage` from 0 to 100). Only the newest matters; it never waits."""
        self._channel.latest(_progress(message, percentage, stage))

    async def latest(self, type: str, payload: Any, *, key: str | None = None) -> None:
        """Tells the client the newest state of `type`, a type whose class is latest (`typing_indicator`); it never waits.

        One value counts for each `key`; without one, for each that the type's own field names (`run_id` of `evolution_progress`). A state
        may be skipped, and none is told after the end: what must arrive is emitted or returned. It has at most 16 KiB (PayloadTooLarge).
        """
        self._channel.latest(_event.state(type, payload, key))

    async def emit(self, type: str, payload: Any) -> None:
        """Sends an event of `type`, in order with what the handler yields; waits for credit.

        `payload` may be a struct of `trunkline.messages`, a model of `trunkline.models`, a dataclass, a dict, or whatever else can be
        written. A type whose class is latest goes as `latest` sends it.
        """
        await self._channel.produce(_event.spell(Event(type, payload)))

    async def ask(
        self,
        message: str,
        *,
        kind: QuestionKind | None = None,
        action: str | None = None,
        details: dict[str, Any] | None = None,
        choices: list[str] | None = None,
        expires_in_s: float | None = None,
        checkpoint: bytes | None = None,
    ) -> Answer:
        """Asks a person and waits for the answer, however long that takes: `granted` of an approval, `value` of a question.

        It is an approval, unless it has `choices` or `kind` says otherwise. Where a question has choices, the value is one of these: the
        gateway refuses any other answer, and goes on waiting. An approval has none (ValueError).

        Until then the run's deadline stands still, and another run may have its place. The question survives the gateway's restarts. Should
        this worker be lost meanwhile, the run fails; that of a service with `resumable=True` does not: another worker's handler is called
        with `run.checkpoint` (what is given here, at most 64 KiB) and `run.answer`, once the answer is there.

        A question that nobody has answered after `expires_in_s` seconds ends the run as its deadline would: the handler is cancelled, and
        clients hear `run_expired`. Without it, and at most, that is after the gateway's `broker.keep` (7 days).
        """
        question = Question.of(message, kind, action=action, details=details, choices=choices, expires_in_s=expires_in_s)
        return await self._channel.ask(question, checkpoint)

    def inputs(self, *, wait: bool = True) -> AsyncIterator[Input]:
        """Iterates over what the user says while the run goes on, each message once, in order, for ever: leave it when you are done.

        With `wait=False` it ends when nothing more has come: look there between two steps. Clients are told of each message that it gives
        (`run_input`). One that is given is the run's for good, across every loss of connection; one that is not begins a run of its own
        when this one is over. The route has to say `while_busy = "steer"`, and the service `takes_input=True`, else RuntimeError.
        """
        self._check_takes_input()
        return self._take_inputs(wait=wait)

    async def _take_inputs(self, *, wait: bool) -> AsyncIterator[Input]:
        while (taken := await self._channel.take_input(wait=wait)) is not None:
            yield taken

    def call(self, service: str, payload: Any, *, deadline_s: float | None = None) -> Call:
        """Calls another service: await what it gives for the result, or iterate over it for the events.

        It ends after `deadline_s` seconds, with the run's deadline, or with the run, whichever comes first. Both ways raise CallFailed.
        """
        return self._channel.call(service, payload, deadline_s=deadline_s)


class BlockingCall:
    """A call that a handler in a thread makes."""

    def __init__(self, call: Call, feed: ThreadFeed) -> None:
        """Made by `BlockingRun.call`."""
        self._call = call
        self._feed = feed

    def result(self) -> Any:
        """Waits for the end and gives the result. Raises CallFailed, or Cancelled when the run is."""
        return self._feed.wait_on_loop(self._finish)

    def __iter__(self) -> Iterator[str | Event]:
        """Iterates over the events: text deltas as str, everything else as :class:`Event`. Raises as `result` does."""
        while (event := self._feed.wait_on_loop(self._next)) is not None:
            yield event

    async def _finish(self) -> Any:
        return await self._call

    async def _next(self) -> str | Event | None:
        return await anext(self._call, None)


class BlockingRun(RunFacts):
    """The run of a handler in a thread: the same names as :class:`Run`, and each call blocks the thread only."""

    def __init__(self, meta: CallMeta, channel: Channel, feed: ThreadFeed) -> None:
        """Made by the SDK."""
        super().__init__(meta, channel)
        self._feed = feed

    def check(self) -> None:
        """Raises Cancelled once the run is cancelled; call it now and then in long loops."""
        self._feed.check()

    def progress(self, message: str, *, percentage: float | None = None, stage: str | None = None) -> None:
        """Tells the client how far the run is (`percentage` from 0 to 100). Only the newest matters; it never waits."""
        self._latest(_progress(message, percentage, stage))

    def latest(self, type: str, payload: Any, *, key: str | None = None) -> None:
        """Tells the client the newest state of `type`, as :meth:`Run.latest` does."""
        self._latest(_event.state(type, payload, key))

    def emit(self, type: str, payload: Any) -> None:
        """Sends an event of `type`, in order with what the handler yields; waits while too many are ahead. See :meth:`Run.emit`."""
        event = _event.spell(Event(type, payload))
        if event.kind == STATE:
            self._latest(event)
        else:
            self._feed.put(event)

    def ask(
        self,
        message: str,
        *,
        kind: QuestionKind | None = None,
        action: str | None = None,
        details: dict[str, Any] | None = None,
        choices: list[str] | None = None,
        expires_in_s: float | None = None,
        checkpoint: bytes | None = None,
    ) -> Answer:
        """Asks a person and waits for the answer. See :meth:`Run.ask`. What was emitted before may arrive after the question."""
        question = Question.of(message, kind, action=action, details=details, choices=choices, expires_in_s=expires_in_s)

        async def ask() -> Answer:
            return await self._channel.ask(question, checkpoint)

        answer: Answer = self._feed.wait_on_loop(ask)
        return answer

    def inputs(self, *, wait: bool = True) -> Iterator[Input]:
        """Iterates over what the user says while the run goes on. See :meth:`Run.inputs`."""
        self._check_takes_input()
        return self._take_inputs(wait=wait)

    def _take_inputs(self, *, wait: bool) -> Iterator[Input]:
        async def take() -> Input | None:
            return await self._channel.take_input(wait=wait)

        while (taken := self._feed.wait_on_loop(take)) is not None:
            yield taken

    def call(self, service: str, payload: Any, *, deadline_s: float | None = None) -> BlockingCall:
        """Calls another service, as :meth:`Run.call` does."""

        async def start() -> Call:
            return self._channel.call(service, payload, deadline_s=deadline_s)

        return BlockingCall(self._feed.wait_on_loop(start), self._feed)

    def _latest(self, state: Spelled) -> None:
        self._feed.on_loop(lambda: self._channel.latest(state))


def _progress(message: str, percentage: float | None, stage: str | None) -> Spelled:
    payload: dict[str, Any] = {"message": message, "percentage": percentage, "stage": stage}
    return _event.state("progress", {key: value for key, value in payload.items() if value is not None})
