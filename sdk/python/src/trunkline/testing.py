"""Run a worker's handlers without a gateway.

::

    async with TestClient(worker) as client:
        run = client.run("chat", {"message": "hello"})
        async for event in run:
            ...
        assert run.outcome == "completed"

Purpose: an in-memory gateway for users' own tests. It speaks the worker protocol's messages to the same code that serves a real
gateway, so numbering, credit and cancel are the real ones; only bytes and sockets are left out.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Generator
from types import TracebackType
from typing import Any, Final, Literal, Self

from trunkline import _event, _json, _payload
from trunkline._event import Event
from trunkline._protocol import TERMINAL, Kind, Message, Numbered, Welcome, read_meta
from trunkline._runner import Runner
from trunkline.errors import CallFailed
from trunkline.worker import Worker

UNWIND_DEADLINE_S: Final = 5.0
"""How long handlers may take to end when the client is closed."""
WINDOW: Final = 16
"""Small, so that a handler that produces without end is seen to wait."""

Outcome = Literal["running", "completed", "failed", "cancelled"]


class TestRun:
    """One run: iterate over its events, or await it for its result."""

    __test__ = False  # no test class for pytest

    def __init__(self, gateway: _MemoryGateway, corr: int) -> None:
        """Made by `TestClient.run`."""
        self._gateway = gateway
        self._corr = corr
        self._events: deque[str | Event] = deque()
        self._changed = asyncio.Event()
        self._taken = 0
        self._sent = 0
        self.progress: list[dict[str, Any]] = []
        """The progress payloads so far; of those sent in one loop tick only the newest is seen, as by a gateway."""
        self.latest: list[Event] = []
        """The states that were told by `run.latest` so far; of those of one type and key in one loop tick only the newest is seen."""
        self.outcome: Outcome = "running"
        """How the run ended, or `running`."""
        self.result: Any = None
        """The handler's value, once it has ended."""
        self.error: dict[str, Any] | None = None
        """The error's `code`, `message`, `retryable`, `details` …, where the run failed or was cancelled."""

    def __aiter__(self) -> Self:
        """Iterates over the events until the run ends, however it ends: text deltas as str, everything else as Event."""
        return self

    async def __anext__(self) -> str | Event:
        """Gives the next event."""
        while not self._events:
            if self.outcome != "running":
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        self._taken += 1
        self._gateway.credit(self._corr, self._taken)
        return self._events.popleft()

    def __await__(self) -> Generator[Any, None, Any]:
        """Waits for the end and gives the handler's value. Raises CallFailed where the run failed or was cancelled."""
        return self._finish().__await__()

    async def text(self) -> str:
        """Waits for the end and gives all text deltas together. Raises as awaiting the run does."""
        deltas = [event async for event in self if isinstance(event, str)]
        await self
        return "".join(deltas)

    def cancel(self) -> None:
        """Cancels the run, as a client's cancel does."""
        self._gateway.deliver(Message(Kind.CANCEL, self._corr))

    def answer(
        self, request_id: str, *, granted: bool | None = None, value: Any = None, message: str | None = None, by: str | None = None
    ) -> None:
        """Answers a question that the handler asked: an event of type `run_waiting`, whose payload has the `request_id`."""
        answer = {"request_id": request_id, "granted": granted, "value": value, "message": message, "by": by}
        payload = _json.encode({key: item for key, item in answer.items() if item is not None})
        self._gateway.deliver(Message(Kind.ANSWER, self._corr, meta={"request": request_id}, payload=payload))

    def send(self, payload: Any = None, *, type: str = "user_message", id: str | None = None) -> str:
        """Sends a further message while the run goes on, as a client does on a route that steers; gives the message's id."""
        self._sent += 1
        message = id or f"input-{self._sent}"
        written = _payload.write(payload)
        meta = {"message": message, "type": type, "codec": written.codec}
        self._gateway.deliver(Message(Kind.INPUT, self._corr, meta=meta, payload=written.payload))
        return message

    async def _finish(self) -> Any:
        async for _ in self:
            pass
        if self.error is not None:
            raise CallFailed(self.error["code"], self.error["message"], retryable=self.error["retryable"])
        return self.result

    def _handle(self, message: Message) -> None:
        if message.kind is Kind.EVENT:
            self._handle_latest(Event(message.name, _json.decode(message.payload)))
            return
        numbered = read_meta(message, Numbered)
        if message.kind in TERMINAL:
            self._end(message, numbered)
        elif message.kind is Kind.ASK:
            question = _payload.read(numbered.codec, message.payload, dict[str, Any])
            self._events.append(Event("run_waiting", {"request_id": message.meta["request"], **question}))
        elif message.kind is Kind.TAKEN:
            self._events.append(Event("run_input", {"input": message.meta["message"]}))
        else:
            self._events.append(_event.read(message, numbered))
        self._changed.set()

    def _handle_latest(self, state: Event) -> None:
        if state.type == "progress":
            self.progress.append(state.payload)
        else:
            self.latest.append(state)

    def _end(self, message: Message, numbered: Numbered) -> None:
        self._gateway.credit(self._corr, numbered.seq + 1)
        if message.kind is Kind.ERROR:
            self.error = {key: value for key, value in message.meta.items() if key != "seq"}
            self.outcome = "cancelled" if numbered.code == "cancelled" else "failed"
            return
        self.outcome = "completed"
        if message.kind is Kind.RESULT:
            self.result = _payload.read(numbered.codec, message.payload, Any)


class TestClient:
    """A client and a gateway in one, for the handlers of one worker.

    A call that a handler makes with `run.call` goes to the worker's own service of that name, and fails with `no_worker` without one.
    """

    __test__ = False

    def __init__(self, worker: Worker) -> None:
        """Takes the worker under test; nothing runs yet."""
        self._gateway = _MemoryGateway(worker)

    async def __aenter__(self) -> Self:
        """Connects the worker."""
        self._gateway.connect()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Cancels what still runs and waits for it, for at most `UNWIND_DEADLINE_S`. Raises TimeoutError after that."""
        await self._gateway.disconnect()

    def run(self, service: str, payload: Any = None, **meta: Any) -> TestRun:
        """Starts a run of `service`; `meta` may set `run`, `session`, `realm`, `user`, `type`, `attempt`, `deadline_ms` and so on."""
        return self._gateway.start(service, payload, meta)


class _MemoryGateway:
    """The gateway's end of a connection that is only memory: the link of the worker's runner."""

    def __init__(self, worker: Worker) -> None:
        self._runner = Runner(worker.name, worker.services, concurrency=worker.concurrency, instance="test")
        self._corrs = itertools.count(2, 2)
        self._runs: dict[int, TestRun] = {}
        self._relays: dict[int, int] = {}  # the corr of a handler's call, and the corr under which it is served: each to the other
        self._loop: asyncio.AbstractEventLoop | None = None

    def connect(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._runner.welcomed(self, Welcome(window=WINDOW))

    async def disconnect(self) -> None:
        self._runner.stop()
        async with asyncio.timeout(UNWIND_DEADLINE_S):
            await self._runner.stopped()
        self._runner.disconnected()

    def start(self, service: str, payload: Any, meta: dict[str, Any]) -> TestRun:
        corr = next(self._corrs)
        run = self._runs[corr] = TestRun(self, corr)
        defaults = {"run": f"run-{corr // 2}", "session": "session-1", "realm": "default", "message": f"message-{corr // 2}"}
        written = _payload.write(payload)
        fields = {**defaults, "type": "user_message", "attempt": 1, "codec": written.codec, **meta}
        self.deliver(Message(Kind.CALL, corr, service, fields, written.payload))
        return run

    @property
    def is_writable(self) -> bool:
        return True

    def leave(self) -> None:
        raise AssertionError("this gateway never drains")

    def send(self, message: Message) -> None:
        """Called by the runner with what it sends."""
        if message.corr in self._relays:
            self._relay(message)
        elif message.kind is Kind.CALL:
            self._serve_call(message)
        elif (run := self._runs.get(message.corr)) is not None:
            run._handle(message)

    def credit(self, corr: int, ack: int) -> None:
        self.deliver(Message(Kind.CREDIT, corr, meta={"ack": ack}))

    def deliver(self, message: Message) -> None:
        """Hands a message to the worker at the next loop tick, as a connection would: never inside of its own sending."""
        if self._loop is None:
            raise RuntimeError("use the client as `async with TestClient(worker) as client`")
        self._loop.call_soon(self._runner.handle, message)

    def _serve_call(self, call: Message) -> None:
        served_as = next(self._corrs)
        self._relays[call.corr], self._relays[served_as] = served_as, call.corr
        meta = {**call.meta, "run": f"{call.meta['run']}/{call.corr}"}
        self.deliver(Message(Kind.CALL, served_as, call.name, meta, call.payload))

    def _relay(self, message: Message) -> None:
        if message.kind is not Kind.EVENT:
            corr = self._relays[message.corr]
            self.deliver(Message(message.kind, corr, message.name, message.meta, message.payload))
