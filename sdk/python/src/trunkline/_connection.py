"""The worker's way to its gateway: dial, greet, stay alive, come back.

Purpose: keeps one connection at a time and speaks the part of `protocol/worker.md` that concerns the connection itself (§2 and
§5). Messages of calls are passed to the peer as they come; what they mean is not known here.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Final, Protocol

from trunkline import _protocol
from trunkline._log import Entry, logger
from trunkline._protocol import Kind, Message, Welcome
from trunkline._transport import Transport, dial
from trunkline.errors import BridgeError, ConnectionLost, GatewayGone, HelloRefused

WELCOME_TIMEOUT_S: Final = 5.0
"""How long the gateway may take to answer HELLO; it needs no other party for that."""
SILENT_PINGS_MAX: Final = 3
"""After so many ping intervals without a message the connection counts as lost (`worker.md` §2)."""
BEAT_S: Final = 0.25
"""How often silence and the event loop's lag are looked at; fine enough for pings that come every second or two."""
BACKOFF_MIN_S: Final = 0.1
BACKOFF_MAX_S: Final = 5.0
SPAWNED_ALONE_MAX_S: Final = 30.0
"""A spawned worker ends when its gateway stays away this long (`worker.md` §2)."""


class Link(Protocol):
    """What the peer may do with a connection that was accepted."""

    @property
    def is_writable(self) -> bool:
        """Whether the gateway keeps up."""

    def send(self, message: Message) -> None:
        """Queues a message; nothing happens once the connection is lost."""

    def leave(self) -> None:
        """Writes what is queued, then ends the connection: the gateway's drain is complete."""


class Peer(Protocol):
    """Who speaks over the connection."""

    def hello(self) -> Message:
        """Gives the HELLO to say now."""

    def welcomed(self, link: Link, welcome: Welcome) -> None:
        """The gateway accepted; messages may be sent over `link` from now on."""

    def handle(self, message: Message) -> None:
        """A message that belongs to a call, or DRAIN."""

    def writable(self) -> None:
        """The gateway reads again."""

    def disconnected(self) -> None:
        """Nothing can be sent until `welcomed` is called again."""

    def load(self) -> tuple[int, int]:
        """Gives the numbers of running and of queued calls."""


class Drained(ConnectionLost):
    """The gateway asked for a drain, and it is complete."""


class Connection:
    """One connection, from the dial to its loss."""

    def __init__(self, address: str, peer: Peer) -> None:
        """Takes where to connect and who speaks; nothing is dialled yet."""
        self._address = address
        self._peer = peer
        self._loop = asyncio.get_running_loop()
        self._transport: Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._end: asyncio.Future[None] = self._loop.create_future()
        self._silence_max_s = 0.0
        self._silent_s = 0.0
        self._lag_s = 0.0
        self.was_welcomed = False
        """Whether the gateway ever accepted this connection."""

    async def run(self) -> None:
        """Serves until the connection is lost, so it returns by an exception only.

        Raises OSError, TimeoutError or :class:`BridgeError` with the reason.
        """
        try:
            self._transport = await dial(self._address, self)
            self.send(self._peer.hello())
            refusal = ConnectionLost("the gateway did not answer HELLO")
            self._timer = self._loop.call_later(WELCOME_TIMEOUT_S, self._fail, refusal)
            await self._end
        except Drained:
            await self.close()
            raise
        finally:
            self._peer.disconnected()
            if self._timer is not None:
                self._timer.cancel()
            if self._transport is not None:
                self._transport.abort()

    async def close(self) -> None:
        """Writes what is queued and ends; `run` has to be cancelled after it."""
        if self._transport is not None:
            await self._transport.close()

    @property
    def is_writable(self) -> bool:
        """Whether the gateway keeps up."""
        return self._transport is not None and self._transport.is_writable

    def send(self, message: Message) -> None:
        """Queues a message."""
        if self._transport is not None:
            self._transport.send(_protocol.encode(message))

    def leave(self) -> None:
        """Ends the connection after what is queued."""
        self._fail(Drained("drained"))

    def received(self, parts: Sequence[bytes]) -> None:
        """Called by the transport with one message."""
        self._silent_s = 0.0
        message = _protocol.decode(parts)
        match message.kind:
            case Kind.PING:
                self._pong()
            case Kind.WELCOME:
                self._accept(_protocol.read_meta(message, Welcome))
            case Kind.UNKNOWN_PEER:
                self._peer.disconnected()
                self.send(self._peer.hello())
            case Kind.ERROR if message.corr == 0:
                self._fail(HelloRefused(f"{message.meta.get('code')}: {message.meta.get('message')}"))
            case _:
                self._peer.handle(message)

    def writable(self) -> None:
        """Called by the transport when the gateway reads again."""
        self._peer.writable()

    def lost(self, reason: str) -> None:
        """Called by the transport when it is gone."""
        self._fail(ConnectionLost(reason))

    def _accept(self, welcome: Welcome) -> None:
        self._silence_max_s = SILENT_PINGS_MAX * welcome.ping_ms / 1000
        if not self.was_welcomed and self._timer is not None:
            self._timer.cancel()
            self._beat_after(BEAT_S)
        self.was_welcomed = True
        self._peer.welcomed(self, welcome)

    def _pong(self) -> None:
        running, queued = self._peer.load()
        lag_ms = round(self._lag_s * 1000)
        self._lag_s = 0.0
        self.send(Message(Kind.PONG, meta={"running": running, "queued": queued, "lag_ms": lag_ms}))

    def _beat_after(self, seconds: float) -> None:
        self._timer = self._loop.call_later(seconds, self._beat, self._loop.time() + seconds)

    def _beat(self, due: float) -> None:
        # Silence is counted in beats, not by the clock: a loop that was blocked must not take its gateway for dead.
        self._lag_s = max(self._lag_s, self._loop.time() - due)
        self._silent_s += BEAT_S
        if self._silent_s > self._silence_max_s:
            self._fail(ConnectionLost(f"the gateway was silent for {SILENT_PINGS_MAX} pings"))
        else:
            self._beat_after(BEAT_S)

    def _fail(self, error: BridgeError) -> None:
        if not self._end.done():
            self._end.set_exception(error)


class Reconnector:
    """Keeps the peer connected: another connection after each loss, with full jitter between the tries."""

    def __init__(self, address: str, peer: Peer, *, spawned: bool, jitter: random.Random | None = None) -> None:
        """Takes where to connect; `spawned` says that the process ends when the gateway stays away."""
        self._address = address
        self._peer = peer
        self._spawned = spawned
        self._jitter = jitter or random.Random()  # noqa: S311 - spreads reconnects, guards nothing
        self._connection: Connection | None = None

    async def run(self) -> None:
        """Connects again and again; returns when a spawned worker's gateway has drained it.

        Raises :class:`GatewayGone` for a spawned worker left alone, ValueError for a wrong address.
        """
        loop = asyncio.get_running_loop()
        tries = 0
        alone_since = loop.time()
        while True:
            self._connection = Connection(self._address, self._peer)
            reason = await self._until_lost(self._connection)
            if self._connection.was_welcomed:
                tries, alone_since = 0, loop.time()
            if self._spawned and isinstance(reason, Drained):
                return
            delay_s = self._backoff_s(tries)
            tries += 1
            if self._spawned and loop.time() + delay_s - alone_since > SPAWNED_ALONE_MAX_S:
                raise GatewayGone(f"no gateway at {self._address} for {SPAWNED_ALONE_MAX_S:.0f} s")
            logger.warning(
                Entry("gateway away", address=self._address, reason=str(reason) or type(reason).__name__, retry_ms=delay_s * 1000)
            )
            await asyncio.sleep(delay_s)

    async def close(self) -> None:
        """Writes what is queued and ends the connection; `run` has to be cancelled after it."""
        if self._connection is not None:
            await self._connection.close()

    @staticmethod
    async def _until_lost(connection: Connection) -> Exception:
        try:
            await connection.run()
        except (OSError, BridgeError) as error:
            return error
        raise AssertionError("a connection ends by an exception")

    def _backoff_s(self, tries: int) -> float:
        ceiling = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2 ** min(tries + 1, 16))
        return self._jitter.uniform(BACKOFF_MIN_S, ceiling)
