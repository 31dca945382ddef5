"""The numbers of one call: what was produced, what is stored, what may still be sent.

Purpose: the rules of `protocol/worker.md` §3 (numbering, credit, what is kept for a resume), for both ends of a call. Plain
state: it is told what happened and says what follows. It does not know handlers, connections or time.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from msgspec.structs import replace

from trunkline._payload import JSON
from trunkline._protocol import Kind, Message
from trunkline.errors import ProtocolViolation


class CallLedger:
    """What this worker produced for one call, and how much of it the gateway has stored."""

    __slots__ = ("_kept", "_next", "ack", "asks", "attempt", "corr", "ended", "run", "window")

    def __init__(self, run: str, *, corr: int, window: int, attempt: int = 1) -> None:
        """Starts with nothing produced; `window` is how many events may be unacknowledged."""
        self.run = run
        self.attempt = attempt
        self.asks: list[str] = []
        """The questions that wait for an answer."""
        self.corr = corr
        self.window = window
        self.ack = 0
        """How many events are stored."""
        self.ended = False
        """Whether the terminal message was produced."""
        self._next = 0
        # The messages numbered `ack` … `_next - 1`: never more than the window and one terminal.
        self._kept: deque[Message] = deque()

    @property
    def has_credit(self) -> bool:
        """Whether one more event may be produced now."""
        return self._next < self.ack + self.window

    @property
    def is_over(self) -> bool:
        """Whether everything, the terminal message too, is stored."""
        return self.ended and self.ack == self._next

    def chunk(self, kind: str, name: str, payload: bytes, codec: str = JSON) -> Message:
        """Numbers one event (`kind` is `text` or `event`) and keeps it until it is stored."""
        meta = {"seq": self._next, "kind": kind}
        if codec != JSON:
            meta["codec"] = codec
        return self._keep(Message(Kind.CHUNK, self.corr, name, meta, payload))

    def ask(self, request: str, payload: bytes, codec: str, checkpoint: bytes | None) -> Message:
        """Numbers one question and keeps it until it is stored."""
        self.asks.append(request)
        meta: dict[str, Any] = {"seq": self._next, "request": request}
        if codec != JSON:
            meta["codec"] = codec
        if checkpoint is not None:
            meta["checkpoint"] = checkpoint
        return self._keep(Message(Kind.ASK, self.corr, "", meta, payload))

    def take(self, message: str) -> Message:
        """Numbers that a further message was taken, and keeps that until it is stored."""
        return self._keep(Message(Kind.TAKEN, self.corr, "", {"seq": self._next, "message": message}))

    def has_taken(self, message: str) -> bool:
        """Whether a message was taken and the gateway may not know."""
        return any(kept.kind is Kind.TAKEN and kept.meta["message"] == message for kept in self._kept)

    def end(self, kind: Kind, meta: dict[str, Any], payload: bytes) -> Message:
        """Numbers the terminal message, which needs no credit, and keeps it until it is stored."""
        self.ended = True
        return self._keep(Message(kind, self.corr, "", {"seq": self._next, **meta}, payload))

    def acknowledge(self, ack: int) -> None:
        """Forgets the events below `ack`; an older `ack` than the last changes nothing.

        Raises :class:`ProtocolViolation` where `ack` says that something was stored which was never produced.
        """
        if ack > self._next:
            raise ProtocolViolation(f"credit for {ack} events where {self._next} were produced")
        while self.ack < ack:
            self._kept.popleft()
            self.ack += 1

    def offer(self) -> dict[str, Any]:
        """Gives this call's entry for HELLO's `open`."""
        offer: dict[str, Any] = {"run": self.run, "next": self._next, "ack": self.ack, "ended": self.ended}
        if self.attempt != 1:
            offer["attempt"] = self.attempt
        if self.asks:
            offer["asks"] = list(self.asks)
        return offer

    def resume(self, *, corr: int, ack: int) -> list[Message]:
        """Goes on under `corr` and gives the messages to send again, from number `ack` on.

        Raises :class:`ProtocolViolation` where `ack` lies outside of what is kept.
        """
        if ack < self.ack:
            raise ProtocolViolation(f"resume from {ack} where everything below {self.ack} was acknowledged")
        self.acknowledge(ack)
        self.corr = corr
        self._kept = deque(replace(message, corr=corr) for message in self._kept)
        return list(self._kept)

    def _keep(self, message: Message) -> Message:
        self._kept.append(message)
        self._next += 1
        return message


class ReplyLedger:
    """What arrived for one call that this worker made, and what it has told the callee about it."""

    __slots__ = ("_consumed", "_credited", "_next", "_window")

    def __init__(self, *, window: int) -> None:
        """Starts with nothing arrived; `window` is how many events may wait to be consumed."""
        self._window = window
        self._next = 0
        self._consumed = 0
        self._credited = 0

    def arrived(self, seq: int, *, terminal: bool) -> None:
        """Checks the number of a message that arrived.

        Raises :class:`ProtocolViolation` for a gap, a repetition, or an event without credit.
        """
        if seq != self._next:
            raise ProtocolViolation(f"event {seq} arrived where {self._next} is next")
        if not terminal and seq >= self._credited + self._window:
            raise ProtocolViolation(f"event {seq} arrived without credit")
        self._next += 1

    def consumed(self) -> int | None:
        """Counts one consumed event; gives the `ack` to send once half of the window is free, else None."""
        self._consumed += 1
        if (self._consumed - self._credited) * 2 < self._window:
            return None
        self._credited = self._consumed
        return self._credited

    def closed(self) -> int:
        """Gives the last `ack`, which lets the callee forget the call."""
        self._consumed = self._credited = self._next
        return self._next
