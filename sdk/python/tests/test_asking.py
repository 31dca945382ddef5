"""Handlers that ask a person: what travels, what it takes of the worker, and how a lost attempt goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gateway import Peer, UnixGateway, serving
from trunkline import Answer, BlockingRun, CallFailed, Event, Run, Worker
from trunkline._protocol import Kind
from trunkline.testing import TestClient


def tidy_worker(*, concurrency: int = 1, resumable: bool = False) -> Worker:
    worker = Worker("tests", concurrency=concurrency)

    @worker.service("tidy", resumable=resumable)
    async def tidy(what: str, run: Run) -> AsyncIterator[str]:
        if run.answer is None:
            yield "I looked. "
            answer = await run.ask("Delete it?", action="delete_file", details={"file": what}, checkpoint=b"looked")
        else:
            assert run.checkpoint is not None
            yield f"I had {run.checkpoint.decode()}. "
            answer = run.answer
        yield "Deleted." if answer.granted else "Kept."

    @worker.service("add")
    async def add(numbers: list[int]) -> int:
        return sum(numbers)

    return worker


async def until(run: AsyncIterator[str | Event], type: str) -> Event:
    async for event in run:
        if isinstance(event, Event) and event.type == type:
            return event
    raise AssertionError(f"no {type}")


async def test_an_approval_is_asked_for_and_answered() -> None:
    async with TestClient(tidy_worker()) as client:
        run = client.run("tidy", "a.txt")
        question = await until(run, "run_waiting")
        request = question.payload.pop("request_id")
        assert question.payload == {
            "kind": "approval",
            "message": "Delete it?",
            "action": "delete_file",
            "details": {"file": "a.txt"},
        }
        run.answer(request, granted=True, by="anna")
        assert await run.text() == "Deleted."


async def test_a_question_has_a_value_and_a_handler_in_a_thread_asks_too() -> None:
    worker = Worker("tests")
    got: list[Answer] = []

    @worker.service("choose", threads=True)
    def choose(run: BlockingRun) -> str:
        answer = run.ask("Which branch?", choices=["main", "next"], expires_in_s=1.5)
        got.append(answer)
        return str(answer.value)

    async with TestClient(worker) as client:
        run = client.run("choose")
        question = await until(run, "run_waiting")
        assert question.payload["kind"] == "question"
        assert question.payload["choices"] == ["main", "next"]
        assert question.payload["expires_in_ms"] == 1500
        run.answer(question.payload["request_id"], value="next", message="the newer one", by="ben")
        assert await run == "next"
    assert got == [Answer(question.payload["request_id"], value="next", message="the newer one", by="ben")]


async def test_an_approval_has_no_choices() -> None:
    worker = Worker("tests")

    @worker.service("delete")
    async def delete(run: Run) -> str:
        with pytest.raises(ValueError, match="leave kind out"):
            await run.ask("Delete it?", kind="approval", choices=["yes", "no"])
        return "kept"

    async with TestClient(worker) as client:
        assert await client.run("delete") == "kept"


async def test_who_waits_leaves_its_slot_to_others_and_takes_it_again() -> None:
    async with TestClient(tidy_worker(concurrency=1)) as client:
        run = client.run("tidy", "a.txt")
        question = await until(run, "run_waiting")
        assert await client.run("add", [1, 2]) == 3
        run.answer(question.payload["request_id"], granted=False)
        assert await run.text() == "Kept."
        assert await client.run("add", [3]) == 3


async def test_many_may_wait_at_a_worker_that_executes_one_call() -> None:
    async with TestClient(tidy_worker(concurrency=1)) as client:
        waiting = []
        for number in range(20):
            run = client.run("tidy", str(number))
            waiting.append((run, await until(run, "run_waiting")))
        for run, question in waiting:
            run.answer(question.payload["request_id"], granted=True)
        assert [await run.text() for run, _ in waiting] == ["Deleted."] * 20


async def test_the_deadline_stands_still_while_a_person_is_asked() -> None:
    worker = Worker("tests")
    left: list[float] = []

    @worker.service("wait")
    async def wait(run: Run) -> None:
        await run.ask("Go on?")
        assert run.remaining is not None
        left.append(run.remaining.total_seconds())
        await asyncio.Event().wait()

    async with TestClient(worker) as client:
        run = client.run("wait", deadline_ms=200)
        question = await until(run, "run_waiting")
        other = client.run("wait", deadline_ms=300)
        other_question = await until(other, "run_waiting")
        other.answer(other_question.payload["request_id"], granted=True)
        with pytest.raises(CallFailed, match="deadline"):
            await other  # its time is over, and so would be that of the one that waits
        run.answer(question.payload["request_id"], granted=True)
        with pytest.raises(CallFailed, match="deadline"):
            await run
    assert 0 < left[1] <= 0.2


async def test_a_cancel_ends_the_wait() -> None:
    async with TestClient(tidy_worker()) as client:
        run = client.run("tidy", "a.txt")
        await until(run, "run_waiting")
        run.cancel()
        with pytest.raises(CallFailed, match="cancelled"):
            await run
        assert await client.run("add", [1]) == 1


@pytest.mark.parametrize("known", [True, False])
async def test_a_worker_that_comes_back_says_what_it_waits_for_and_hears_the_answer(tmp_path: Path, known: bool) -> None:
    async with UnixGateway(tmp_path / "bridge.sock") as gateway, serving(tidy_worker(), gateway.address):
        peer = await gateway.accept()
        hello = await peer.welcome()
        assert all("resumable" not in service for service in hello.meta["services"])
        corr = await peer.call("tidy", "a.txt")
        await peer.expect(Kind.CHUNK)
        ask = await peer.expect(Kind.ASK)
        assert (ask.meta["seq"], ask.meta["checkpoint"]) == (1, b"looked")
        if known:
            await peer.send(Kind.CREDIT, corr, ack=2)
        await gateway.stop()
        await gateway.start()
        peer = await gateway.accept()
        hello = await peer.expect(Kind.HELLO)
        stored = 2 if known else 0
        assert hello.meta["open"] == [{"run": "r1", "next": 2, "ack": stored, "ended": False, "asks": [ask.meta["request"]]}]
        resumed = [{"run": "r1", "corr": 20, "ack": stored}]
        await peer.send(Kind.WELCOME, epoch="e2", ping_ms=60_000, window=16, message_bytes_max=4 << 20, resumed=resumed)
        if not known:
            await peer.expect(Kind.CHUNK)
            assert (await peer.expect(Kind.ASK)).meta == ask.meta
        await answer(peer, 20, ask.meta["request"])
        await answer(peer, 20, ask.meta["request"])  # told twice is told once
        assert (await peer.expect(Kind.CHUNK)).payload == b"Deleted."
        await peer.expect(Kind.END)


async def answer(peer: Peer, corr: int, request: str) -> None:
    payload = msgspec.json.encode({"request_id": request, "granted": True})
    await peer.send(Kind.ANSWER, corr, payload=payload, request=request)


async def test_a_resumable_service_goes_on_with_its_checkpoint_and_is_let_go_by_a_drain(tmp_path: Path) -> None:
    worker = tidy_worker(resumable=True)
    async with UnixGateway(tmp_path / "bridge.sock") as gateway, serving(worker, gateway.address) as serve:
        peer = await gateway.accept()
        hello = await peer.welcome()
        assert hello.meta["services"][0]["resumable"] is True
        answers = [{"request_id": "q1", "granted": False}]
        corr = await peer.call("tidy", "a.txt", run="r1", attempt=2, checkpoint=b"looked", answers=answers)
        assert [(await peer.expect(Kind.CHUNK)).payload for _ in range(2)] == [b"I had looked. ", b"Kept."]
        await peer.expect(Kind.END)
        await peer.send(Kind.CREDIT, corr, ack=3)
        corr = await peer.call("tidy", "b.txt", run="r2")
        await peer.expect(Kind.CHUNK)
        await peer.expect(Kind.ASK)
        worker.stop()
        await peer.expect(Kind.DRAIN)
        lost = await peer.expect(Kind.ERROR)
        assert lost.meta["code"] == "worker_lost"
        await peer.send(Kind.CREDIT, corr, ack=3)
        await serve


@pytest.mark.parametrize("resumable", [True, False])
@pytest.mark.parametrize("told_first", ["drain", "signal"])
async def test_a_spawned_worker_ends_with_its_gateway_whatever_question_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, resumable: bool, told_first: str
) -> None:
    monkeypatch.setenv("TRUNKLINE_GENERATION", "g7")
    worker = tidy_worker(resumable=resumable)
    async with UnixGateway(tmp_path / "bridge.sock") as gateway, serving(worker, gateway.address) as serve:
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("tidy", "a.txt")
        await peer.expect(Kind.CHUNK)
        await peer.expect(Kind.ASK)
        if told_first == "signal":
            worker.stop()
            await peer.expect(Kind.DRAIN)
        await peer.send(Kind.DRAIN)
        if told_first == "drain":
            await peer.ping()
            worker.stop()
        await serve  # nothing is credited, and nobody answers
    assert "drain deadline passed" not in caplog.text
