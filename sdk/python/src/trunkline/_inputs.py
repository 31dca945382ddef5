"""Further messages of a session for a run that goes on.

Purpose: keeps what has come until the handler takes it, each message once. That a message is taken, and how that travels, is the
execution's affair.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

import msgspec

from trunkline import _payload
from trunkline._protocol import InputMeta, Message, read_meta
from trunkline.errors import ProtocolViolation

WAITING_MAX: Final = 64
"""Messages that may wait for the handler; the gateway sends fewer."""


class Input(msgspec.Struct, frozen=True):
    """A message that a client sent while the run was going on."""

    id: str
    """The message's id."""
    type: str
    """Its type."""
    payload: Any
    """Its content."""


class Inputs:
    """The messages that wait for one handler, in order."""

    def __init__(self) -> None:
        """Starts with none."""
        self._waiting: deque[tuple[InputMeta, bytes]] = deque()
        self._arrived = asyncio.Event()

    def __bool__(self) -> bool:
        """Whether one waits."""
        return bool(self._waiting)

    def add(self, message: Message) -> None:
        """Takes an INPUT; one that waits already is a repetition. Raises ProtocolViolation for one too many."""
        meta = read_meta(message, InputMeta)
        if any(waiting.message == meta.message for waiting, _ in self._waiting):
            return
        if len(self._waiting) >= WAITING_MAX:
            raise ProtocolViolation(f"INPUT: {WAITING_MAX} wait already")
        self._waiting.append((meta, message.payload))
        self._arrived.set()

    async def wait(self) -> None:
        """Waits until there is one."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()

    def take(self) -> Input:
        """Gives the next one."""
        meta, payload = self._waiting.popleft()
        return Input(meta.message, meta.type, _payload.read(meta.codec, payload, Any) if payload else None)
