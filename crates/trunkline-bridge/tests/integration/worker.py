"""The worker of the bridge's tests. Knows the gateway by TRUNKLINE_BRIDGE only."""

import asyncio
from collections.abc import AsyncIterator

from trunkline import Run, Worker

worker = Worker("agents", concurrency=8)


@worker.service("count")
async def count(payload: int) -> AsyncIterator[str]:
    """Streams numbers, one event each."""
    for number in range(payload):
        yield f"{number} "


@worker.service("hang")
async def hang(payload: None) -> AsyncIterator[str]:
    """Streams one event and then nothing for ever."""
    yield "first"
    await asyncio.Event().wait()


@worker.service("half")
async def half(payload: int) -> int:
    """Does its half of `double`."""
    return payload


@worker.service("double")
async def double(payload: int, run: Run) -> int:
    """Calls another service twice."""
    return await run.call("half", payload) + await run.call("half", payload)


if __name__ == "__main__":
    worker.run()
