"""A scripted gateway for the tests: real frames over a real Unix socket or a real ZeroMQ ROUTER.

Purpose: a test says what the gateway does, message by message. The double answers nothing by itself and knows no rules.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec
import zmq
import zmq.asyncio

from trunkline import _protocol
from trunkline._protocol import Kind, Message

PATIENCE_S = 5.0


class Peer:
    """One worker's connection, from the gateway's side."""

    def __init__(self, write: Callable[[Sequence[bytes]], Awaitable[None]], reading: asyncio.Event) -> None:
        self._write = write
        self._reading = reading
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()
        self._corrs = iter(range(2, 1_000_000, 2))

    def deliver(self, parts: Sequence[bytes] | None) -> None:
        """Called by the double with what the worker sent; None when it hung up."""
        self._inbox.put_nowait(None if parts is None else _protocol.decode(parts))

    def stop_reading(self) -> Callable[[], None]:
        """Reads nothing more from the worker until the function that it gives is called."""
        self._reading.clear()
        return self._reading.set

    async def send(self, kind: Kind, /, corr: int = 0, name: str = "", payload: bytes = b"", **meta: Any) -> None:
        await self._write(_protocol.encode(Message(kind, corr, name, meta, payload)))

    async def send_raw(self, parts: Sequence[bytes]) -> None:
        await self._write(parts)

    async def receive(self) -> Message:
        async with asyncio.timeout(PATIENCE_S):
            message = await self._inbox.get()
        assert message is not None, "the worker hung up"
        return message

    async def expect(self, kind: Kind) -> Message:
        message = await self.receive()
        assert message.kind is kind, message
        return message

    async def expect_hang_up(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            assert await self._inbox.get() is None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing waits that the worker sent."""
        return self._inbox.empty()

    async def welcome(self, **meta: Any) -> Message:
        """Takes HELLO, answers WELCOME, and gives the HELLO."""
        hello = await self.expect(Kind.HELLO)
        await self.send(Kind.WELCOME, **{"epoch": "e1", "ping_ms": 60_000, "window": 16, "message_bytes_max": 4 << 20, **meta})
        return hello

    async def call(self, service: str, payload: Any = None, *, run: str = "r1", **meta: Any) -> int:
        """Starts a call and gives its corr."""
        corr = next(self._corrs)
        meta = {"run": run, "session": "s1", "realm": "default", "message": "m1", "type": "user_message", "codec": "json", **meta}
        meta.setdefault("attempt", 1)
        await self.send(Kind.CALL, corr, service, msgspec.json.encode(payload), **meta)
        return corr

    async def ping(self) -> Message:
        """Sends a PING and gives the PONG: what the worker did before is received by then."""
        await self.send(Kind.PING)
        return await self.expect(Kind.PONG)


class GatewayDouble:
    """Accepts workers at `address`; `accept` gives each new connection."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.reading = asyncio.Event()
        self.reading.set()
        self._peers: asyncio.Queue[Peer] = asyncio.Queue()

    async def accept(self) -> Peer:
        async with asyncio.timeout(PATIENCE_S):
            return await self._peers.get()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        raise NotImplementedError


class UnixGateway(GatewayDouble):
    """Speaks the length-prefixed frames."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"unix://{path}")
        self._path = path
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(parts: Sequence[bytes]) -> None:
            writer.write(_protocol.frame(parts))
            await writer.drain()

        self._writers.add(writer)
        peer = Peer(write, self.reading)
        self._peers.put_nowait(peer)
        decoder = _protocol.StreamDecoder()
        try:
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(1 << 16):
                    for parts in decoder.feed(data):
                        peer.deliver(parts)
                    await self.reading.wait()
        finally:
            peer.deliver(None)
            writer.transport.abort()
            self._writers.discard(writer)


class ZmqGateway(GatewayDouble):
    """Speaks multipart messages on a ROUTER."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._context: zmq.asyncio.Context | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVHWM, 100)
        self._socket.bind(self.address)
        self.address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)  # a port that was asked for as `*`
        self._by_id: dict[bytes, Peer] = {}
        self._reading = asyncio.create_task(self._read())

    async def stop(self) -> None:
        assert self._reading is not None
        assert self._context is not None
        self._reading.cancel()
        await asyncio.wait([self._reading])
        self._socket.close(linger=0)
        self._context.term()

    async def _read(self) -> None:
        while True:
            await self.reading.wait()
            routing_id, *parts = await self._socket.recv_multipart()
            assert len(routing_id) == 16
            if routing_id not in self._by_id:
                self._by_id[routing_id] = self._meet(routing_id)
            self._by_id[routing_id].deliver(parts)

    def _meet(self, routing_id: bytes) -> Peer:
        async def write(parts: Sequence[bytes]) -> None:
            await self._socket.send_multipart([routing_id, *parts])

        peer = Peer(write, self.reading)
        self._peers.put_nowait(peer)
        return peer


@contextlib.asynccontextmanager
async def serving(worker: Any, address: str) -> AsyncIterator[asyncio.Task[None]]:
    """Runs the worker beside the test, and cancels it in the end if it still runs."""
    task = asyncio.create_task(worker.serve(bridge=address))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
