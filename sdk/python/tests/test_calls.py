"""Calls that handlers make to other services."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from trunkline import BlockingRun, CallFailed, Event, Failed, Overloaded, PayloadTooLarge, Run, Worker
from trunkline.testing import TestClient


def calling_worker() -> Worker:
    worker = Worker("w", concurrency=8)

    @worker.service("double")
    async def double(number: int) -> int:
        return 2 * number

    @worker.service("letters")
    async def letters(upto: int) -> AsyncIterator[Any]:
        for _ in range(upto):
            yield "x"
        yield Event("note", upto)

    @worker.service("fail")
    async def fail() -> None:
        raise Failed("no")

    @worker.service("hang")
    async def hang() -> AsyncIterator[str]:
        yield "hanging"
        await asyncio.Event().wait()

    return worker


async def test_a_handler_calls_other_services() -> None:
    worker = calling_worker()

    @worker.service("main")
    async def main(run: Run) -> Any:
        letters = [event async for event in run.call("letters", 600)]
        try:
            await run.call("fail", None)
        except CallFailed as failure:
            code, message = failure.code, failure.message
        return {"double": await run.call("double", 21), "letters": len(letters), "last": letters[-1], "code": code, "message": message}

    async with TestClient(worker) as client:
        assert await client.run("main") == {
            "double": 42,
            "letters": 601,
            "last": {"type": "note", "payload": 600},
            "code": "upstream_error",
            "message": "no",
        }


async def test_a_handler_in_a_thread_calls_other_services() -> None:
    worker = calling_worker()

    @worker.service("main", threads=True)
    def main(run: BlockingRun) -> Any:
        letters = list(run.call("letters", 3))
        with pytest.raises(CallFailed, match="no_worker"):
            run.call("nobody", None).result()
        return {"double": run.call("double", 21).result(), "letters": len(letters)}

    async with TestClient(worker) as client:
        assert await client.run("main") == {"double": 42, "letters": 4}


async def test_a_call_whose_payload_cannot_be_sent_is_not_made() -> None:
    worker = calling_worker()

    @worker.service("main")
    async def main(run: Run) -> str:
        with pytest.raises(TypeError):
            run.call("double", object())
        with pytest.raises(PayloadTooLarge):
            run.call("double", "x" * (4 << 20))
        for _ in range(64):
            run.call("hang", None)
        with pytest.raises(Overloaded):
            run.call("hang", None)
        return "done"

    async with TestClient(worker) as client:
        assert await client.run("main") == "done"


async def test_a_call_ends_with_its_deadline() -> None:
    worker = calling_worker()

    @worker.service("main")
    async def main(run: Run) -> str:
        with pytest.raises(CallFailed) as failure:
            await run.call("hang", None, deadline_s=0.01)
        return failure.value.code

    async with TestClient(worker) as client:
        assert await client.run("main") == "deadline_exceeded"


@pytest.mark.parametrize("threads", [False, True])
async def test_calls_end_with_the_run_that_made_them(threads: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "trunkline")
    worker = calling_worker()

    async def main(run: Run) -> None:
        async for event in run.call("hang", None):
            await run.emit("heard", event)

    def main_in_thread(run: BlockingRun) -> None:
        for event in run.call("hang", None):
            run.emit("heard", event)

    worker.service("main", threads=threads)(main_in_thread if threads else main)
    async with TestClient(worker) as client:
        run = client.run("main", run="r1")
        await anext(run)
        run.cancel()
        with pytest.raises(CallFailed, match="cancelled"):
            await run
    assert "run cancelled run=r1 service=main reason=asked" in caplog.text
    assert "run cancelled run=r1/1 service=hang" in caplog.text
