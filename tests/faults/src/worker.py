"""A worker that answers each call with the words that its message asks for, as the simulation's worker does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from trunkline import Failed, Run, Worker

OTHER_EVENT_EVERY = 7

worker = Worker("python", concurrency=8)


def words(message: str, number: int, size: int) -> str:
    """The text of one event."""
    return f"{message}.{number}".ljust(size, ".") + " "


@worker.service("chat", resumable=True)
async def chat(work: dict[str, Any], run: Run) -> AsyncIterator[str]:
    """Produces `texts` events of so many `bytes`, one each `pace` milliseconds, and ends as `end` says; `asks` in the middle."""
    first, texts = int(run.checkpoint or b"0"), int(work["texts"])
    asks_at = texts // 2 if work["asks"] and first == 0 else None
    for number in range(first, texts):
        await asyncio.sleep(work["pace"] / 1000)
        if number == asks_at:
            await run.ask("Shall I go on?", checkpoint=str(number + 1).encode())
        elif number % OTHER_EVENT_EVERY == OTHER_EVENT_EVERY - 1:
            await run.emit("tool_output", {"number": number, "message": run.message_id})
        else:
            yield words(run.message_id, number, work["bytes"])
    if work["end"] == "never":
        await asyncio.Event().wait()
    if work["end"] == "fails":
        raise Failed("as asked")


worker.run()
