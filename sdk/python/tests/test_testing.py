"""The test client, and through it every kind of handler."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pydantic
import pytest

from trunkline import BlockingRun, CallFailed, Cancelled, Event, Failed, Retryable, Run, Worker
from trunkline.testing import TestClient


class Ask(msgspec.Struct):
    message: str


@dataclass
class Point:
    x: int
    y: int


class Model(pydantic.BaseModel):
    count: int = pydantic.Field(gt=0)


async def test_an_async_generator_streams_text_and_events() -> None:
    worker = Worker("w")

    @worker.service("chat")
    async def chat(ask: Ask, run: Run) -> AsyncIterator[Any]:
        yield ask.message
        yield {"plain": 1}
        yield Ask("struct")
        yield Point(1, 2)
        yield Model(count=3)
        await run.emit("tool_output", {"line": 1})
        yield Event("done", None)

    async with TestClient(worker) as client:
        run = client.run("chat", {"message": "hello"})
        events = [event async for event in run]
    assert events == [
        "hello",
        Event("run_event", {"plain": 1}),
        Event("run_event", {"message": "struct"}),
        Event("run_event", {"x": 1, "y": 2}),
        Event("run_event", {"count": 3}),
        Event("tool_output", {"line": 1}),
        Event("done", None),
    ]
    assert (run.outcome, run.result) == ("completed", None)


async def test_the_run_tells_what_it_is() -> None:
    worker = Worker("w")

    @worker.service("who")
    async def who(payload: Any, context: Run) -> dict[str, Any]:
        assert context.deadline is not None
        assert context.remaining is not None
        assert timedelta() < context.remaining <= timedelta(seconds=60)
        facts = {"id": context.id, "user": context.user, "session": context.session, "realm": context.realm}
        return {**facts, "message": context.message_id, "type": context.type, "attempt": context.attempt}

    async with TestClient(worker) as client:
        result = await client.run("who", run="r9", user="ada", deadline_ms=60_000, attempt=2)
    assert result == {
        "id": "r9",
        "user": "ada",
        "session": "session-1",
        "realm": "default",
        "message": "message-1",
        "type": "user_message",
        "attempt": 2,
    }


@pytest.mark.parametrize(
    ("shape", "payload", "path"),
    [
        (Ask, {"message": 1}, "$.message"),
        (Point, {"x": 1}, "$"),
        (Model, {"count": 0}, "$.count"),
        (dict[str, list[int]], {"a": [1, None]}, "$[...][1]"),
        (list[Ask], [{}], "$[0]"),
    ],
)
async def test_a_payload_of_the_wrong_shape_names_the_path(shape: Any, payload: Any, path: str) -> None:
    worker = Worker("w")

    async def take(payload: Any) -> None:
        raise AssertionError("not reached")

    take.__annotations__["payload"] = shape
    worker.service("take")(take)
    async with TestClient(worker) as client:
        run = client.run("take", payload)
        with pytest.raises(CallFailed, match="bad_request"):
            await run
    assert run.error is not None
    assert run.error["details"] == {"path": path}


async def test_a_function_in_a_thread_gives_its_value() -> None:
    worker = Worker("w")

    @worker.service("where", threads=True)
    def where(names: list[str], run: BlockingRun) -> dict[str, Any]:
        run.progress("half", percentage=50, stage="middle")
        run.emit("note", names)
        return {"main": threading.current_thread() is threading.main_thread()}

    async with TestClient(worker) as client:
        run = client.run("where", ["a"])
        assert [event async for event in run] == [Event("note", ["a"])]
        assert run.result == {"main": False}
        assert run.progress == [{"message": "half", "percentage": 50, "stage": "middle"}]


async def test_the_last_progress_of_a_thread_is_not_overtaken_by_its_end() -> None:
    worker = Worker("w")

    @worker.service("brief", threads=True)
    def brief(run: BlockingRun) -> None:
        run.progress("done")

    async with TestClient(worker) as client:
        for _ in range(200):  # a race between two threads: each try is a chance to see it
            run = client.run("brief")
            await run
            assert run.progress == [{"message": "done"}]


async def test_a_generator_in_a_thread_streams_more_than_the_window() -> None:
    worker = Worker("w")

    @worker.service("count", threads=True)
    def count(upto: int) -> Iterator[str]:
        for number in range(upto):
            yield f"{number} "

    async with TestClient(worker) as client:
        assert await client.run("count", 500).text() == "".join(f"{number} " for number in range(500))


async def test_a_thread_is_cancelled_where_it_yields() -> None:
    worker = Worker("w")
    seen: list[str] = []

    @worker.service("forever", threads=True)
    def forever() -> Iterator[str]:
        try:
            while True:
                yield "."
        except Cancelled:
            seen.append("cancelled")
            raise

    async with TestClient(worker) as client:
        run = client.run("forever")
        assert await anext(run) == "."
        run.cancel()
        with pytest.raises(CallFailed, match="cancelled"):
            await run
    assert (run.outcome, seen) == ("cancelled", ["cancelled"])


async def test_a_thread_sees_its_cancel_when_it_checks() -> None:
    worker = Worker("w")

    @worker.service("busy", threads=True)
    def busy(run: BlockingRun) -> None:
        run.emit("started", None)
        while True:
            run.check()

    async with TestClient(worker) as client:
        run = client.run("busy")
        await anext(run)
        run.cancel()
        with pytest.raises(CallFailed, match="cancelled"):
            await run


async def test_a_cancel_is_raised_where_the_generator_waits_for_credit() -> None:
    worker = Worker("w")
    seen: list[str] = []

    @worker.service("forever")
    async def forever() -> AsyncIterator[str]:
        try:
            while True:
                yield "."
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async with TestClient(worker) as client:
        run = client.run("forever")
        await anext(run)
        run.cancel()
        with pytest.raises(CallFailed, match="cancelled"):
            await run
    assert seen == ["cancelled"]


async def test_a_handler_may_clean_up_with_more_events_after_its_cancel() -> None:
    worker = Worker("w")

    @worker.service("polite")
    async def polite() -> AsyncIterator[str]:
        try:
            yield "working"
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            yield "goodbye"
            raise

    async with TestClient(worker) as client:
        run = client.run("polite")
        assert await anext(run) == "working"
        run.cancel()
        assert [event async for event in run] == ["goodbye"]
    assert run.outcome == "cancelled"


async def test_a_run_ends_at_its_deadline() -> None:
    worker = Worker("w")

    @worker.service("wait")
    async def wait() -> None:
        await asyncio.Event().wait()

    async with TestClient(worker) as client:
        run = client.run("wait", deadline_ms=1)
        with pytest.raises(CallFailed, match="deadline_exceeded"):
            await run


async def test_retryable_says_when() -> None:
    worker = Worker("w")

    @worker.service("later")
    async def later() -> None:
        raise Retryable("not now", retry_after=timedelta(seconds=1.5))

    async with TestClient(worker) as client:
        run = client.run("later")
        with pytest.raises(CallFailed) as failure:
            await run
    assert failure.value.retryable
    assert run.error == {"code": "upstream_error", "message": "not now", "retryable": True, "retry_after_ms": 1500}


async def test_a_value_without_json_form_is_an_error() -> None:
    worker = Worker("w")

    @worker.service("odd")
    async def odd() -> object:
        return object()

    async with TestClient(worker) as client:
        run = client.run("odd")
        with pytest.raises(CallFailed, match="upstream_error"):
            await run


async def test_a_value_too_large_for_a_message_is_an_error() -> None:
    worker = Worker("w")

    @worker.service("large")
    async def large() -> str:
        return "x" * (4 << 20)

    async with TestClient(worker) as client:
        with pytest.raises(CallFailed, match="payload_too_large"):
            await client.run("large")


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


async def test_no_more_handlers_run_than_the_worker_allows() -> None:
    worker = Worker("w", concurrency=2)
    running = 0
    most = 0

    @worker.service("work")
    async def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    async with TestClient(worker) as client:
        runs = [client.run("work") for _ in range(8)]
        for run in runs:
            await run
    assert most == 2


async def test_more_calls_than_can_be_held_are_refused() -> None:
    worker = Worker("w", concurrency=1)

    @worker.service("wait")
    async def wait() -> None:
        await asyncio.Event().wait()

    async with TestClient(worker) as client:
        runs = [client.run("wait") for _ in range(5)]
        with pytest.raises(CallFailed, match="overloaded"):
            await runs[4]
        assert runs[3].outcome == "running"
