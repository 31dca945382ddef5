"""A call that a handler makes to another service.

Purpose: `protocol/worker.md` §4 from the caller's side: the events that arrive wait here, at most a window of them, until the handler
takes them. It does not know which connection carries it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, Final, Self

from trunkline import _event, _payload
from trunkline._call import ReplyLedger
from trunkline._event import Event
from trunkline._protocol import TERMINAL, Kind, Message, Numbered, read_meta
from trunkline.errors import CallFailed

WINDOW: Final = 256
"""Events of one call that may wait for the handler; as many as the gateway grants by default."""


class Call:
    """A call under way. Await it for its result, or iterate over its events; afterwards `result` has its value."""

    def __init__(self, corr: int, *, send: Callable[[Message], None], forget: Callable[[int], None]) -> None:
        """Takes how to send over the present connection, and what to call when the call is over. Made by `run.call`."""
        self.corr = corr
        self._send = send
        self._forget = forget
        self._ledger = ReplyLedger(window=WINDOW)
        self._events: deque[str | Event] = deque()
        self._changed = asyncio.Event()
        self._failure: CallFailed | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self.is_open = True
        """Whether its end is still to come."""
        self.result: Any = None
        """The value the call ended with; None before, and for a stream that ended without one."""

    def start(self, service: str, written: _payload.Written, *, run: str, deadline_s: float) -> None:
        """Sends the CALL; after `deadline_s` seconds it fails with `deadline_exceeded`."""
        meta: dict[str, Any] = {"run": run, "deadline_ms": int(deadline_s * 1000), "window": WINDOW}
        if written.codec != _payload.JSON:
            meta["codec"] = written.codec
        self._send(Message(Kind.CALL, self.corr, service, meta, written.payload))
        self._deadline = asyncio.get_running_loop().call_later(deadline_s, self._expire)

    def __await__(self) -> Generator[Any, None, Any]:
        """Waits for the end and gives the result; events that nobody took are dropped. Raises CallFailed."""
        return self._finish().__await__()

    def __aiter__(self) -> Self:
        """Iterates over the events: text deltas as str, everything else as :class:`Event`."""
        return self

    async def __anext__(self) -> str | Event:
        """Gives the next event. Raises CallFailed where the call ended with an error."""
        while not self._events:
            if self._failure is not None:
                raise self._failure
            if not self.is_open:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        event = self._events.popleft()
        ack = self._ledger.consumed() if self.is_open else None
        if ack is not None:
            self._send(Message(Kind.CREDIT, self.corr, meta={"ack": ack}))
        return event

    def cancel(self) -> None:
        """Asks the service to stop; who waits for the call gets CallFailed with the code `cancelled`."""
        if self.is_open:
            self._send(Message(Kind.CANCEL, self.corr))
            self.fail(CallFailed("cancelled", "the call was cancelled", retryable=False))

    def fail(self, failure: CallFailed) -> None:
        """Ends the call with an error that arose on this side."""
        if self.is_open:
            self._failure = failure
            self._close()

    def handle(self, message: Message) -> None:
        """Takes a message of the callee. Raises ProtocolViolation where its number is wrong."""
        numbered = read_meta(message, Numbered)
        terminal = message.kind in TERMINAL
        self._ledger.arrived(numbered.seq, terminal=terminal)
        if not terminal:
            self._events.append(_event.read(message, numbered))
            self._changed.set()
            return
        self._send(Message(Kind.CREDIT, self.corr, meta={"ack": self._ledger.closed()}))
        if message.kind is Kind.ERROR:
            self._failure = CallFailed(numbered.code, numbered.message, retryable=numbered.retryable)
        elif message.kind is Kind.RESULT:
            self.result = _payload.read(numbered.codec, message.payload, Any)
        self._close()

    async def _finish(self) -> Any:
        async for _ in self:
            pass
        return self.result

    def _expire(self) -> None:
        self._send(Message(Kind.CANCEL, self.corr))
        self.fail(CallFailed("deadline_exceeded", "the called service took too long", retryable=False))

    def _close(self) -> None:
        self.is_open = False
        if self._deadline is not None:
            self._deadline.cancel()
        self._forget(self.corr)
        self._changed.set()
