"""The worker that `round_trip.rs` measures with."""

from collections.abc import AsyncIterator

from trunkline import Worker

worker = Worker("bench", concurrency=64)


@worker.service("echo")
async def echo(payload: str) -> str:
    """Gives its payload back."""
    return payload


@worker.service("tokens")
async def tokens(count: int) -> AsyncIterator[str]:
    """Streams `count` tokens."""
    for _ in range(count):
        yield "token "


if __name__ == "__main__":
    worker.run()
