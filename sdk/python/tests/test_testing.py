"""The test client, and through it every kind of handler."""

from __future__ import annotations

import asyncio
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
        (dict[str, list[int]], {"a": [1.0], "b": [1, None]}, "$.b[1]"),
        (dict[str, str], {"message": 7}, "$.message"),
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


async def test_states_are_told_by_type_and_key() -> None:
    worker = Worker("w")

    @worker.service("watch")
    async def watch(run: Run) -> AsyncIterator[str]:
        for number in range(3):
            await run.latest("file_processing", {"progress": number}, key="a")
        await run.latest("file_processing", {"progress": 7}, key="b")
        await run.latest("typing_indicator", {"typing": True})
        await run.progress("watching")
        yield "done"

    @worker.service("watch in a thread", threads=True)
    def watch_in_thread(run: BlockingRun) -> None:
        run.latest("typing_indicator", {"typing": False})

    async with TestClient(worker) as client:
        run = client.run("watch")
        assert await run.text() == "done"
        assert run.latest == [
            Event("file_processing", {"progress": 2}),
            Event("file_processing", {"progress": 7}),
            Event("typing_indicator", {"typing": True}),
        ]
        assert run.progress == [{"message": "watching"}]
        run = client.run("watch in a thread")
        await run
        assert run.latest == [Event("typing_indicator", {"typing": False})]


class AnyPage(msgspec.Struct):
    page: str = "desk"


class OnePage(msgspec.Struct):
    page: str


async def test_a_message_without_content_is_an_empty_object_where_that_fits() -> None:
    worker = Worker("w")

    @worker.service("optional")
    async def optional(payload: AnyPage) -> str:
        return payload.page

    @worker.service("nullable")
    async def nullable(payload: AnyPage | None) -> bool:
        return payload is None

    @worker.service("required")
    async def required(payload: OnePage) -> None: ...

    async with TestClient(worker) as client:
        assert await client.run("optional", None) == "desk"
        assert await client.run("optional", {"page": "wall"}) == "wall"
        assert await client.run("nullable", None) is True
        with pytest.raises(CallFailed, match=r"bad_request.*got `null`"):
            await client.run("required", None)


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


async def test_a_run_is_cancelled_before_it_began() -> None:
    worker = Worker("w")

    @worker.service("never")
    async def never() -> None:
        raise AssertionError("not reached")

    async with TestClient(worker) as client:
        run = client.run("never")
        run.cancel()
        with pytest.raises(CallFailed, match="cancelled"):
            await run


async def test_a_run_is_cancelled_while_it_waits_for_a_slot() -> None:
    worker = Worker("w", concurrency=1)

    @worker.service("wait")
    async def wait() -> AsyncIterator[str]:
        yield "waiting"
        await asyncio.Event().wait()

    async with TestClient(worker) as client:
        first, second = client.run("wait"), client.run("wait")
        await anext(first)
        second.cancel()
        with pytest.raises(CallFailed, match="cancelled"):
            await second
        assert first.outcome == "running"


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


@pytest.mark.parametrize("value", [object(), "\ud800", {1: {2: object()}}])
async def test_a_value_without_json_form_is_an_error(value: object) -> None:
    worker = Worker("w")

    @worker.service("odd")
    async def odd() -> object:
        return value

    @worker.service("odd stream")
    async def odd_stream() -> AsyncIterator[object]:
        yield value

    @worker.service("odd error")
    async def odd_error() -> None:
        raise Failed("odd \ud800", details={"value": value})

    async with TestClient(worker) as client:
        for service in ("odd", "odd stream", "odd error"):
            with pytest.raises(CallFailed, match="upstream_error"):
                await client.run(service)


@pytest.mark.parametrize("threads", [False, True])
async def test_a_handler_that_exits_ends_its_run_and_not_the_worker(threads: bool) -> None:
    worker = Worker("w")

    async def leave() -> None:
        raise SystemExit(1)

    def leave_thread() -> None:
        raise SystemExit(1)

    worker.service("leave", threads=threads)(leave_thread if threads else leave)
    async with TestClient(worker) as client:
        with pytest.raises(CallFailed, match="upstream_error"):
            await client.run("leave")


async def test_a_value_too_large_for_a_message_is_an_error() -> None:
    worker = Worker("w")

    @worker.service("large")
    async def large() -> str:
        return "x" * (4 << 20)

    async with TestClient(worker) as client:
        with pytest.raises(CallFailed, match="payload_too_large"):
            await client.run("large")


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
