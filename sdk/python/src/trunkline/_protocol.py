"""The worker protocol's messages, as bytes.

Purpose: turn a :class:`Message` into its parts and back, and cut a byte stream into messages. `protocol/worker.md` §1 is the
contract and `protocol/vectors/worker-frames.json` its examples. This module has no event loop and no socket, and does not
know what a call is: which message may follow which is decided elsewhere.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

import msgspec

from trunkline.errors import ProtocolViolation

VERSION: Final = 1
MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Size of a message: every part's length plus four bytes for each part, on every transport (`worker.md` §1)."""
PARTS_MAX: Final = 16
NAME_BYTES_MAX: Final = 128
CORR_MAX: Final = 2**53 - 1
_PREFIX: Final = struct.Struct(">I")
_PREFIX_PAIR: Final = struct.Struct(">II")
_PREFIX_BYTES: Final = 4


class Kind(enum.IntEnum):
    """The kinds of message (`worker.md` §1)."""

    HELLO = 1
    WELCOME = 2
    PING = 3
    PONG = 4
    CALL = 5
    RESULT = 6
    ERROR = 7
    CHUNK = 8
    END = 9
    CANCEL = 10
    CREDIT = 11
    EVENT = 12
    SUB = 13
    UNSUB = 14
    STATUS = 15
    DRAIN = 16
    UNKNOWN_PEER = 17
    ASK = 18
    ANSWER = 19
    INPUT = 20
    TAKEN = 21


TERMINAL: Final = frozenset({Kind.RESULT, Kind.ERROR, Kind.END})
"""The kinds that end a call."""

_KINDS: Final = {int(kind): kind for kind in Kind}


class Message(msgspec.Struct, frozen=True):
    """One message of the worker protocol."""

    kind: Kind
    corr: int = 0
    name: str = ""
    meta: dict[str, Any] = {}
    payload: bytes = b""
    buffers: tuple[bytes, ...] = ()


Count = Annotated[int, msgspec.Meta(ge=0, le=CORR_MAX)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=CORR_MAX)]


class Resumed(msgspec.Struct, frozen=True):
    """A held call that goes on: an entry of WELCOME's `resumed`."""

    run: str
    corr: Positive
    ack: Count


class Welcome(msgspec.Struct, frozen=True):
    """The meta of WELCOME."""

    ping_ms: Positive = 2_000
    window: Positive = 256
    message_bytes_max: Positive = MESSAGE_BYTES_MAX
    epoch: str = ""
    resumed: list[Resumed] = []
    dropped: list[str] = []


class CallMeta(msgspec.Struct, frozen=True):
    """The meta of CALL."""

    run: str
    session: str = ""
    realm: str = ""
    user: str | None = None
    message: str = ""
    type: str = ""
    attempt: Positive = 1
    deadline_ms: Count | None = None
    window: Positive | None = None
    codec: str = "json"
    traceparent: str | None = None
    checkpoint: bytes | None = None
    answers: list[Any] = []


class AnswerMeta(msgspec.Struct, frozen=True):
    """The meta of ANSWER."""

    request: str


class InputMeta(msgspec.Struct, frozen=True):
    """The meta of INPUT."""

    message: str
    type: str
    codec: str = "json"


class Numbered(msgspec.Struct, frozen=True):
    """What CHUNK, RESULT, END and ERROR have in their meta; the last fields are ERROR's."""

    seq: Count
    kind: str = "event"
    codec: str = "json"
    code: str = "upstream_error"
    message: str = ""
    retryable: bool = False


class Credit(msgspec.Struct, frozen=True):
    """The meta of CREDIT."""

    ack: Count


_Meta = TypeVar("_Meta", bound=msgspec.Struct)


def read_meta(message: Message, shape: type[_Meta]) -> _Meta:
    """Reads the fields that a kind has; raises :class:`ProtocolViolation` where they do not fit."""
    try:
        return msgspec.convert(message.meta, shape)
    except msgspec.ValidationError as error:
        raise ProtocolViolation(f"{message.kind.name}: {error}") from error


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, int, int, str, dict[str, Any]])


def encode(message: Message) -> list[bytes]:
    """Gives the parts of `message`: header, payload, buffers."""
    header = _encoder.encode((VERSION, int(message.kind), message.corr, message.name, message.meta))
    return [header, message.payload, *message.buffers]


def decode(parts: Sequence[bytes]) -> Message:
    """Reads a message from its parts.

    Raises :class:`ProtocolViolation` where the parts are no message of version 1. A missing payload part reads as empty.
    """
    _check_shape(parts)
    try:
        version, number, corr, name, meta = _decoder.decode(parts[0])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ProtocolViolation(f"header does not parse: {error}") from error
    if version != VERSION:
        raise ProtocolViolation(f"version {version} is not {VERSION}")
    kind = _KINDS.get(number)
    if kind is None:
        raise ProtocolViolation(f"kind {number} is unknown")
    if not 0 <= corr <= CORR_MAX:
        raise ProtocolViolation(f"corr {corr} is out of range")
    if len(name) > NAME_BYTES_MAX or len(name.encode()) > NAME_BYTES_MAX:
        raise ProtocolViolation(f"name is longer than {NAME_BYTES_MAX} bytes")
    return Message(kind, corr, name, meta, parts[1] if len(parts) > 1 else b"", tuple(parts[2:]))


def _check_shape(parts: Sequence[bytes]) -> None:
    if not parts:
        raise ProtocolViolation("message has no parts")
    if len(parts) > PARTS_MAX:
        raise ProtocolViolation(f"message has more than {PARTS_MAX} parts")
    if size(parts) > MESSAGE_BYTES_MAX:
        raise ProtocolViolation(f"message is larger than {MESSAGE_BYTES_MAX} bytes")


def size(parts: Sequence[bytes]) -> int:
    """Gives the size of a message as the limits count it."""
    return sum(map(len, parts)) + _PREFIX_BYTES * len(parts)


def frame(parts: Sequence[bytes]) -> bytes:
    """Spells a message for a byte stream: the length of the rest, then each part after its own length, big-endian."""
    if len(parts) == 2:  # every token of every stream: one packed pair and one join
        header, payload = parts
        header_bytes, payload_bytes = len(header), len(payload)
        lengths = _PREFIX_PAIR.pack(header_bytes + payload_bytes + 2 * _PREFIX_BYTES, header_bytes)
        return b"".join((lengths, header, _PREFIX.pack(payload_bytes), payload))
    pieces = [_PREFIX.pack(size(parts))]
    for part in parts:
        pieces.append(_PREFIX.pack(len(part)))
        pieces.append(part)
    return b"".join(pieces)


class StreamDecoder:
    """Cuts a byte stream into messages' parts.

    It holds at most one unfinished message: a length above the limit is refused when it is read, not when it has arrived.
    """

    def __init__(self) -> None:
        """Starts with nothing read."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[list[bytes]]:
        """Takes what was read and gives the messages that are complete by now, each as its parts.

        Raises :class:`ProtocolViolation` for lengths that contradict each other or exceed the limits; the stream is lost then.
        """
        self._buffer += data
        messages = []
        start = 0
        with memoryview(self._buffer) as view:
            while len(view) - start >= _PREFIX_BYTES:
                length = _PREFIX.unpack_from(view, start)[0]
                if length > MESSAGE_BYTES_MAX:
                    raise ProtocolViolation(f"message is larger than {MESSAGE_BYTES_MAX} bytes")
                end = start + _PREFIX_BYTES + length
                if end > len(view):
                    break
                messages.append(_split(view[start + _PREFIX_BYTES : end]))
                start = end
        del self._buffer[:start]
        return messages

    @property
    def unfinished_bytes(self) -> int:
        """How many bytes of an unfinished message are held."""
        return len(self._buffer)


def _split(body: memoryview) -> list[bytes]:
    parts: list[bytes] = []
    at = 0
    while at < len(body):
        if len(parts) == PARTS_MAX:
            raise ProtocolViolation(f"message has more than {PARTS_MAX} parts")
        if len(body) - at < _PREFIX_BYTES:
            raise ProtocolViolation("part length is cut short")
        start = at + _PREFIX_BYTES
        at = start + _PREFIX.unpack_from(body, at)[0]
        if at > len(body):
            raise ProtocolViolation("part exceeds its message")
        parts.append(bytes(body[start:at]))
    return parts
