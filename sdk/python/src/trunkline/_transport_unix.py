"""Messages over a Unix socket, each part behind its length.

Purpose: one read per wake-up, one write per loop tick. It does not know what the messages mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from trunkline import _protocol
from trunkline._transport import CLOSE_TIMEOUT_S, CONNECT_TIMEOUT_S, CORK_BYTES_MAX, Receiver
from trunkline.errors import ProtocolViolation


class UnixTransport(asyncio.Protocol):
    """One connected Unix socket."""

    @classmethod
    async def connect(cls, path: str, receiver: Receiver) -> UnixTransport:
        """Connects to the socket at `path`. Raises OSError or TimeoutError where nobody listens."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, protocol = await loop.create_unix_connection(lambda: cls(loop, receiver), path)
        return protocol

    def __init__(self, loop: asyncio.AbstractEventLoop, receiver: Receiver) -> None:
        """Prepares for a socket that is being connected."""
        self._loop = loop
        self._receiver: Receiver | None = receiver
        self._decoder = _protocol.StreamDecoder()
        self._corked: list[bytes] = []
        self._corked_bytes = 0
        self._socket: asyncio.WriteTransport | None = None
        self._gone = asyncio.Event()
        self.is_writable = True
        """Whether the peer keeps up."""

    def send(self, parts: Sequence[bytes]) -> None:
        """Queues a message for the write at the end of this loop tick."""
        if self._socket is None:
            return
        if not self._corked:
            self._loop.call_soon(self._flush)
        framed = _protocol.frame(parts)
        self._corked.append(framed)
        self._corked_bytes += len(framed)
        if self._corked_bytes > CORK_BYTES_MAX:
            self._flush()

    async def close(self) -> None:
        """Writes what is queued, for at most `CLOSE_TIMEOUT_S`, and ends."""
        self._receiver = None
        self._flush()
        if self._socket is None:
            return
        self._socket.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._gone.wait()
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """Ends at once, without writing."""
        self._receiver = None
        if self._socket is not None:
            self._socket.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop once the socket is connected."""
        # A cast, for uvloop's transports have the methods of this class and do not inherit from it.
        self._socket = cast(asyncio.WriteTransport, transport)
        self._socket.set_write_buffer_limits(high=CORK_BYTES_MAX)

    def data_received(self, data: bytes) -> None:
        """Called by the loop with what could be read."""
        try:
            for parts in self._decoder.feed(data):
                if self._receiver is None:
                    return
                self._receiver.received(parts)
        except ProtocolViolation as error:
            self._lose(str(error))

    def pause_writing(self) -> None:
        """Called by the loop when the peer does not keep up."""
        self.is_writable = False

    def resume_writing(self) -> None:
        """Called by the loop when the peer keeps up again."""
        self.is_writable = True
        if self._receiver is not None:
            self._receiver.writable()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop when the socket is gone."""
        self._socket = None
        self._gone.set()
        self._lose("the gateway closed the socket" if error is None else str(error))

    def _flush(self) -> None:
        data = b"".join(self._corked)
        self._corked.clear()
        self._corked_bytes = 0
        if data and self._socket is not None:
            self._socket.write(data)

    def _lose(self, reason: str) -> None:
        receiver = self._receiver
        self.abort()
        if receiver is not None:
            receiver.lost(reason)
