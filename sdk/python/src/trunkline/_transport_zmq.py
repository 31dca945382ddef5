"""Messages over ZeroMQ: a DEALER towards the gateway's ROUTER.

Purpose: the drain loop. A ZeroMQ socket has one descriptor that becomes readable when *something changed*, once per change:
so every wake-up reads all that waits, and every send looks again, because sending can use up the change that a message had
announced. It is an order of magnitude faster than `pyzmq.asyncio`, which does one message per wake-up. This module does not
know what the messages mean.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import deque
from collections.abc import Sequence
from typing import Final

import zmq
from zmq.utils.monitor import parse_monitor_message

from trunkline import _protocol
from trunkline._transport import CLOSE_TIMEOUT_S, CONNECT_TIMEOUT_S, CORK_BYTES_MAX, Receiver
from trunkline.errors import ProtocolViolation

READ_BURST_MAX: Final = 1_000
"""Messages read per wake-up before other tasks get a turn."""
HIGH_WATER_MARK: Final = 1_000
"""Messages that libzmq holds for a peer that does not read; then this transport stops being writable."""
_MORE: Final = zmq.NOBLOCK | zmq.SNDMORE
_WATCHED: Final = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED


class ZmqTransport:
    """One DEALER socket with a routing id of its own."""

    @classmethod
    async def connect(cls, address: str, receiver: Receiver) -> ZmqTransport:
        """Connects to the ROUTER at `address`. Raises OSError or TimeoutError where nobody answers."""
        transport = cls(address, receiver)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await transport._connected.wait()
        except BaseException:
            transport.abort()
            raise
        return transport

    def __init__(self, address: str, receiver: Receiver) -> None:
        """Starts to connect; `connect` also waits for it."""
        self._loop = asyncio.get_running_loop()
        self._receiver: Receiver | None = receiver
        self._outbox: deque[Sequence[bytes]] = deque()
        self._outbox_bytes = 0
        self._flushing: asyncio.Handle | None = None
        self._connected = asyncio.Event()
        self._sent = asyncio.Event()
        self._context = zmq.Context()
        self._socket = self._open_socket()
        self._monitor = self._socket.get_monitor_socket(_WATCHED)
        self._loop.add_reader(self._socket.fileno(), self._drain)
        self._loop.add_reader(self._monitor.fileno(), self._drain_monitor)
        self.is_writable = True
        """Whether the peer keeps up."""
        try:
            self._socket.connect(address)
        except zmq.ZMQError as error:
            self.abort()
            raise OSError(error.errno, f"{address}: {error}") from error
        # A descriptor announces changes only once a first look has found nothing.
        self._loop.call_soon(self._drain)
        self._loop.call_soon(self._drain_monitor)

    def _open_socket(self) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.ROUTING_ID, _routing_id())
        socket.setsockopt(zmq.IMMEDIATE, 1)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
        socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK)
        socket.setsockopt(zmq.MAXMSGSIZE, _protocol.MESSAGE_BYTES_MAX)
        return socket

    def send(self, parts: Sequence[bytes]) -> None:
        """Queues a message; all of one loop tick are handed to ZeroMQ together."""
        if self._socket.closed:
            return
        self._outbox.append(parts)
        self._outbox_bytes += _protocol.size(parts)
        if not self.is_writable:
            return
        if self._outbox_bytes > CORK_BYTES_MAX:
            self._flush()
        elif self._flushing is None:
            self._flushing = self._loop.call_soon(self._flush)

    async def close(self) -> None:
        """Hands over what is queued, for at most `CLOSE_TIMEOUT_S`, and ends."""
        self._receiver = None
        if self._socket.closed:
            return
        self._flush()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                while self._outbox:
                    self._sent.clear()
                    await self._sent.wait()
        except TimeoutError:
            self.abort()
            return
        self._shut(linger_ms=int(CLOSE_TIMEOUT_S * 1000))
        await asyncio.to_thread(self._context.term)

    def abort(self) -> None:
        """Ends at once, without writing."""
        self._receiver = None
        if not self._socket.closed:
            self._shut(linger_ms=0)
            self._context.term()  # returns at once: nothing lingers

    def _shut(self, *, linger_ms: int) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_reader(self._monitor.fileno())
        if self._flushing is not None:
            self._flushing.cancel()
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=linger_ms)

    def _drain(self) -> None:
        """Reads what waits, then writes what waits; both can be due at any wake-up."""
        for _ in range(READ_BURST_MAX):
            if self._socket.closed:
                return
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            self._deliver(parts)
        else:
            self._loop.call_soon(self._look_again)
        if not self._socket.closed and not self.is_writable and self._events() & zmq.POLLOUT:
            self._flush()

    def _deliver(self, parts: Sequence[bytes]) -> None:
        if self._receiver is None:
            return
        try:
            self._receiver.received(parts)
        except ProtocolViolation as error:
            self._lose(str(error))

    def _flush(self) -> None:
        self._flushing = None
        was_writable = self.is_writable
        self.is_writable = self._send_all()
        self._look_again()
        if self.is_writable:
            self._sent.set()
            if not was_writable and self._receiver is not None:
                self._receiver.writable()

    def _send_all(self) -> bool:
        while self._outbox:
            try:
                self._send_parts(self._outbox[0])
            except zmq.Again:
                return False
            self._outbox_bytes -= _protocol.size(self._outbox.popleft())
        return True

    def _send_parts(self, parts: Sequence[bytes]) -> None:
        """Sends one message; only its first part can be refused (`zmq_send`: messages are atomic)."""
        send = self._socket.send
        for part in parts[:-1]:
            send(part, _MORE)
        send(parts[-1], zmq.NOBLOCK)

    def _look_again(self) -> None:
        if not self._socket.closed and self._events() & zmq.POLLIN:
            self._loop.call_soon(self._drain)

    def _events(self) -> int:
        return int(self._socket.getsockopt(zmq.EVENTS))

    def _drain_monitor(self) -> None:
        while not self._monitor.closed:
            try:
                event = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return
            if event["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._connected.set()
            elif event["event"] == zmq.EVENT_DISCONNECTED:
                self._lose("the gateway closed the connection")

    def _lose(self, reason: str) -> None:
        receiver = self._receiver
        self.abort()
        if receiver is not None:
            receiver.lost(reason)


def _routing_id() -> bytes:
    """Gives 16 random bytes that do not start with zero: such ids are ZeroMQ's own (`zmq_setsockopt`, ZMQ_ROUTING_ID)."""
    return bytes([1 + secrets.randbelow(255)]) + os.urandom(15)
