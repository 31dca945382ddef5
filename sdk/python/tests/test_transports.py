"""The transports by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway import GatewayDouble, Peer, ZmqGateway
from trunkline import _protocol
from trunkline._protocol import Kind, Message
from trunkline._transport import Transport, dial
from trunkline._transport_zmq import ZmqTransport


class Inbox:
    """Remembers what a transport tells."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Sequence[bytes]] = asyncio.Queue()
        self.reason: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.is_writable = asyncio.Event()

    def received(self, parts: Sequence[bytes]) -> None:
        self.messages.put_nowait(parts)

    def writable(self) -> None:
        self.is_writable.set()

    def lost(self, reason: str) -> None:
        self.reason.set_result(reason)


PING = _protocol.encode(Message(Kind.PING))
BULK = _protocol.encode(Message(Kind.CHUNK, 2, payload=bytes(64 * 1024)))


async def connected(gateway: GatewayDouble) -> tuple[Transport, Inbox, Peer]:
    inbox = Inbox()
    transport = await dial(gateway.address, inbox)
    transport.send(PING)
    peer = await gateway.accept()
    await peer.expect(Kind.PING)
    return transport, inbox, peer


async def test_what_was_sent_before_a_close_arrives(gateway: GatewayDouble) -> None:
    transport, _, peer = await connected(gateway)
    for _ in range(100):
        transport.send(PING)
    await transport.close()
    for _ in range(100):
        await peer.expect(Kind.PING)


async def test_a_gateway_that_goes_is_noticed_once(gateway: GatewayDouble) -> None:
    transport, inbox, _ = await connected(gateway)
    await gateway.stop()
    async with asyncio.timeout(5):
        assert "closed" in await inbox.reason
    transport.send(PING)
    await transport.close()
    await gateway.start()


async def test_a_closed_transport_says_nothing(gateway: GatewayDouble) -> None:
    transport, inbox, _ = await connected(gateway)
    transport.abort()
    transport.send(PING)
    await transport.close()
    assert not inbox.reason.done()


async def test_a_burst_is_read_whole(gateway: GatewayDouble) -> None:
    transport, inbox, peer = await connected(gateway)
    for _ in range(2_500):
        await peer.send_raw(PING)
    async with asyncio.timeout(10):
        for _ in range(2_500):
            assert list(await inbox.messages.get()) == PING
    transport.abort()


async def test_a_message_that_arrives_while_one_is_sent_is_read() -> None:
    """ZeroMQ's descriptor tells of a change once, and sending can use that up."""
    async with ZmqGateway("tcp://127.0.0.1:*") as gateway:
        transport, inbox, peer = await connected(gateway)
        assert isinstance(transport, ZmqTransport)
        await peer.send_raw(PING)
        transport.send(PING)
        assert transport._socket.poll(5_000)  # it is here, and looking has used up the change
        transport._flush()
        async with asyncio.timeout(5):
            await inbox.messages.get()
        transport.abort()


async def test_a_gateway_that_does_not_read_makes_the_transport_wait(gateway: GatewayDouble) -> None:
    transport, inbox, peer = await connected(gateway)
    resume = peer.stop_reading()
    sent = 0
    async with asyncio.timeout(20):
        while transport.is_writable:
            transport.send(BULK)
            sent += 1
            await asyncio.sleep(0)
        resume()
        await inbox.is_writable.wait()
        for _ in range(sent):
            await peer.expect(Kind.CHUNK)
    assert transport.is_writable
    transport.abort()
