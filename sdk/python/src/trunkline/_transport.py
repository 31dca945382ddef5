"""What a transport is, and which one an address names.

Purpose: the seam between the connection and the two ways to move messages. It knows addresses; it does not know what messages mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

CONNECT_TIMEOUT_S: Final = 5.0
"""How long a dial may take; the gateway is on this machine or near it, and the next try comes at once."""
CLOSE_TIMEOUT_S: Final = 1.0
"""How long a closing transport may take to write what it still holds."""
CORK_BYTES_MAX: Final = 256 * 1024
"""A tick that has written this much is written out at once, so that a long burst does not pile up."""

_SCHEMES: Final = ("unix", "ipc", "tcp")


class Receiver(Protocol):
    """Whom a transport tells what happens."""

    def received(self, parts: Sequence[bytes]) -> None:
        """One message arrived. Raising :class:`ProtocolViolation` ends the transport."""

    def writable(self) -> None:
        """The peer reads again after the transport had stopped accepting."""

    def lost(self, reason: str) -> None:
        """The transport is gone; called once, and not after `close` or `abort`."""


class Transport(Protocol):
    """Moves messages, in order, to one peer."""

    @property
    def is_writable(self) -> bool:
        """Whether the peer keeps up; producers wait while it does not."""

    def send(self, parts: Sequence[bytes]) -> None:
        """Queues a message; all of one loop tick are written together. Nothing happens once the transport is gone."""

    async def close(self) -> None:
        """Writes what is queued, for at most `CLOSE_TIMEOUT_S`, and ends."""

    def abort(self) -> None:
        """Ends at once, without writing."""


def check_address(address: str) -> tuple[str, str]:
    """Gives the scheme and the place of `address`. Raises ValueError where it is none that can be dialled."""
    scheme, separator, place = address.partition("://")
    if not separator or not place:
        raise ValueError(f"bridge address {address!r} is not of the form scheme://place")
    if scheme not in _SCHEMES:
        raise ValueError(f"bridge address {address!r}: the scheme is none of {', '.join(_SCHEMES)}")
    return scheme, place


async def dial(address: str, receiver: Receiver) -> Transport:
    """Connects to `address`: `unix:///path`, `ipc:///path` or `tcp://host:port`.

    Raises ValueError for any other address, OSError or TimeoutError where nobody answers.
    """
    from trunkline._transport_unix import UnixTransport
    from trunkline._transport_zmq import ZmqTransport

    scheme, place = check_address(address)
    if scheme == "unix":
        return await UnixTransport.connect(place, receiver)
    return await ZmqTransport.connect(address, receiver)
