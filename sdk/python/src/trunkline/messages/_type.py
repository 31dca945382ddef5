"""What a dialect's table says of a message type.

Purpose: the row of a table that is generated. It does not know any type.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple


class MessageType(NamedTuple):
    """One message type of one dialect."""

    name: str
    """The value of `type`."""
    content: Any
    """The type of what stands in `payload` or `data`; of the whole frame where it is the content."""
    frame: type
    """The struct of the whole frame."""
    direction: Literal["to_client", "to_gateway", "both"]
    """Who sends it."""
    delivery: Literal["durable", "stream", "latest", "control"]
    """How it is delivered; the words are those of the glossary."""
    key: tuple[str, ...] = ()
    """Of a latest type: the fields whose values name what it is the state of."""
    folded: str | None = None
    """Of a stream: the field that is concatenated where messages are merged."""
    local: bool = False
    """Whether the client library raises it, and nobody sends it."""
