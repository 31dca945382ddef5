"""The services that the benchmarks call."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from trunkline import Event, Worker

# As many as the largest scenario has streams at once.
worker = Worker("bench", concurrency=12_000)


class Paced(msgspec.Struct):
    """How many, and how long to wait after each."""

    count: int
    every_ms: float


@worker.service("echo")
async def echo(payload: Any) -> Any:
    """Gives its payload back."""
    return payload


@worker.service("tokens")
async def tokens(count: int) -> AsyncIterator[str]:
    """Streams `count` tokens as fast as they are taken."""
    for _ in range(count):
        yield "token "


@worker.service("clock")
async def clock(paced: Paced) -> AsyncIterator[str]:
    """Streams tokens that say when they were made, in nanoseconds of the monotonic clock."""
    begin = time.monotonic()
    for number in range(paced.count):
        await asyncio.sleep(begin + number * paced.every_ms / 1000 - time.monotonic())
        yield f"{time.monotonic_ns()} "


class Speech(msgspec.Struct):
    """What to say, and how long to wait after each word."""

    text: str
    every_ms: float


@worker.service("speak")
async def speak(speech: Speech) -> AsyncIterator[str]:
    """Streams a text word by word."""
    begin = time.monotonic()
    for number, word in enumerate(speech.text.split(" ")):
        await asyncio.sleep(begin + number * speech.every_ms / 1000 - time.monotonic())
        yield word + " "


class Numbered(Paced):
    """The same, with so many bytes in each."""

    bytes: int = 0


@worker.service("numbered")
async def numbered(paced: Numbered) -> AsyncIterator[str]:
    """Streams tokens that say which they are and when they were made, in nanoseconds of the monotonic clock."""
    begin = time.monotonic()
    for number in range(paced.count):
        await asyncio.sleep(begin + number * paced.every_ms / 1000 - time.monotonic())
        yield f"{number}:{time.monotonic_ns()}".ljust(paced.bytes, ".") + " "


@worker.service("events")
async def events(paced: Paced) -> AsyncIterator[Event]:
    """Streams events of 64 bytes that stay apart."""
    for _ in range(paced.count):
        yield Event("measurement", "x" * 62)
        if paced.every_ms:
            await asyncio.sleep(paced.every_ms / 1000)


if __name__ == "__main__":
    worker.run()
