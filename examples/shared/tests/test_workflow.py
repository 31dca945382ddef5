"""Workflows that wait for a person, on the SDK's own test kit."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from trunkline import CallFailed, Event, Run, Worker
from trunkline.testing import TestClient, TestRun

from workflow import Approval, Cancel, Facts, Request, Step, StepFailed, Work, Workflows
from workflow_store import State, WorkflowStore


class Bench:
    """A worker whose plans do what a test says."""

    def __init__(self, folder: Path) -> None:
        self.store = WorkflowStore(folder)
        self.done: list[str] = []
        self.hold = asyncio.Event()
        plans = {"ask": self.ask, "plain": self.plain, "broken": self.broken, "long": self.long, "ask_long": self.ask_long}
        self.workflows = Workflows(self.store, plans)
        self.worker = Worker("bench")
        self.worker.service("start")(self._start)
        self.worker.service("answer")(self._answer)
        self.worker.service("cancel")(self._cancel)

    def note(self, word: str) -> Step:
        async def do(work: Work) -> str:
            self.done.append(word)
            work.facts.setdefault("words", []).append(word)
            return f"did {word}"

        return Step(f"do {word}", do)

    def plain(self, _: Facts) -> list[Step]:
        return [self.note("one"), self.note("two")]

    def ask(self, _: Facts) -> list[Step]:
        def request(facts: Facts) -> Request:
            return Request("Really two?", "delete_file", {"words": list(facts["words"])})

        return [self.note("one"), Step("do two", self.note("two").do, request), self.note("three")]

    def broken(self, _: Facts) -> list[Step]:
        async def do(_: Work) -> str:
            raise StepFailed("no disk")

        return [self.note("one"), Step("break", do), self.note("three")]

    def long(self, _: Facts) -> list[Step]:
        async def do(work: Work) -> str:
            self.hold.set()
            await work.cancelled.wait()
            raise StepFailed("stopped")

        return [self.note("one"), Step("wait", do), self.note("three")]

    def ask_long(self, facts: Facts) -> list[Step]:
        return [Step("wait", self.long(facts)[1].do, lambda _: Request("Really wait?", "wait", {}))]

    async def _start(self, plan: str, run: Run) -> str:
        return (await self.workflows.start(run, plan, {})).state.value

    async def _answer(self, approval: Approval, run: Run) -> str:
        return (await self.workflows.answer(run, approval)).state.value

    async def _cancel(self, cancel: Cancel, run: Run) -> None:
        await self.workflows.cancel(run, cancel)


async def events(run: TestRun) -> list[tuple[str, dict[str, Any]]]:
    found = [event async for event in run]
    assert run.outcome == "completed", run.error
    return [(event.type, event.payload) for event in found if isinstance(event, Event)]


async def test_a_plan_without_questions_is_done_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with TestClient(bench.worker) as client:
        run = client.run("start", "plain")
        said = await events(run)
    workflow_id = said[0][1]["workflow_id"]
    place = {"workflow_id": workflow_id, "description": "do two", "step_number": 2, "total_steps": 2}
    assert [name for name, _ in said] == [*["workflow_step_started", "workflow_step_completed"] * 2, "workflow_completed"]
    assert said[2:4] == [("workflow_step_started", place), ("workflow_step_completed", {**place, "result": "did two"})]
    end = said[-1][1]
    assert end["total_steps"] == 2
    assert end["execution_time"] >= 0
    assert end["results"] == {"steps": ["did one", "did two"]}
    assert bench.done == ["one", "two"]
    assert run.progress[-1] == {"message": "do two", "percentage": 50, "stage": "executing"}


async def test_a_question_ends_the_run_and_leave_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with TestClient(bench.worker) as client:
        said = await events(client.run("start", "ask"))
        name, question = said[-1]
        assert name == "workflow_approval_required"
        workflow_id = question["workflow_id"]
        assert question == {
            "workflow_id": workflow_id,
            "description": "Really two?",
            "action": "delete_file",
            "details": {"words": ["one"]},
        }
        assert bench.done == ["one"]
        said = await events(client.run("answer", {"workflow_id": workflow_id, "approved": True}))
    assert [name for name, _ in said] == [*["workflow_step_started", "workflow_step_completed"] * 2, "workflow_completed"]
    assert bench.done == ["one", "two", "three"]


async def test_leave_survives_the_process(tmp_path: Path) -> None:
    async with TestClient(Bench(tmp_path).worker) as client:
        workflow_id = (await events(client.run("start", "ask")))[-1][1]["workflow_id"]
    later = Bench(tmp_path)
    async with TestClient(later.worker) as client:
        said = await events(client.run("answer", {"workflow_id": workflow_id, "approved": True}))
    assert said[-1][1]["results"]["steps"] == ["did one", "did two", "did three"]
    assert later.done == ["two", "three"]


async def test_no_leave_cancels(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with TestClient(bench.worker) as client:
        workflow_id = (await events(client.run("start", "ask")))[-1][1]["workflow_id"]
        said = await events(client.run("answer", {"workflow_id": workflow_id, "approved": False}))
    assert said == [("workflow_cancelled", {"workflow_id": workflow_id, "cancelled_at_step": 2, "total_steps": 3})]
    assert bench.done == ["one"]


async def test_a_question_is_answered_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with TestClient(bench.worker) as client:
        workflow_id = (await events(client.run("start", "ask_long")))[-1][1]["workflow_id"]
        yes = {"workflow_id": workflow_id, "approved": True}
        first = client.run("answer", yes)
        await bench.hold.wait()
        with pytest.raises(CallFailed, match="waits for nothing: it is running"):
            await client.run("answer", yes)
        await client.run("cancel", {"workflow_id": workflow_id})
        assert await first == "cancelled"


async def test_a_question_of_another_realm_is_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with TestClient(bench.worker) as client:
        workflow_id = (await events(client.run("start", "ask")))[-1][1]["workflow_id"]
        for known in (workflow_id, "workflow-" + "0" * 32, "../secrets"):
            realm = "elsewhere" if known == workflow_id else "default"
            with pytest.raises(CallFailed, match="there is no workflow"):
                await client.run("answer", {"workflow_id": known, "approved": True}, realm=realm)
    assert bench.done == ["one"]


async def test_a_step_that_fails_ends_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with TestClient(bench.worker) as client:
        said = await events(client.run("start", "broken"))
    workflow_id = said[0][1]["workflow_id"]
    assert said[-1] == ("workflow_failed", {"workflow_id": workflow_id, "error": "no disk", "failed_step": 2, "total_steps": 3})
    assert bench.done == ["one"]


async def test_cancel_reaches_a_step_and_a_question(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with TestClient(bench.worker) as client:
        run = client.run("start", "long")
        first = await anext(run)
        assert isinstance(first, Event)
        await bench.hold.wait()
        workflow_id = first.payload["workflow_id"]
        await client.run("cancel", {"workflow_id": workflow_id})
        said = await events(run)
        assert said[-1] == ("workflow_cancelled", {"workflow_id": workflow_id, "cancelled_at_step": 2, "total_steps": 3})
        with pytest.raises(CallFailed, match="is over: it is cancelled"):
            await client.run("cancel", {"workflow_id": workflow_id})

        workflow_id = (await events(client.run("start", "ask")))[-1][1]["workflow_id"]
        said = await events(client.run("cancel", {"workflow_id": workflow_id}))
    assert said == [("workflow_cancelled", {"workflow_id": workflow_id, "cancelled_at_step": 2, "total_steps": 3})]


async def test_what_a_process_left_under_way_has_failed(tmp_path: Path) -> None:
    store = WorkflowStore(tmp_path)
    record = store.create("default", "plain", {})
    store.keep(record)
    found = WorkflowStore(tmp_path).find(record.id)
    assert found is not None
    assert found.state is State.FAILED


async def test_a_cancelled_run_leaves_no_workflow_running(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with TestClient(bench.worker) as client:
        run = client.run("start", "long")
        first = await anext(run)
        assert isinstance(first, Event)
        await bench.hold.wait()
        run.cancel()
        assert [event async for event in run]
        assert run.outcome == "cancelled"
    found = bench.store.find(first.payload["workflow_id"])
    assert found is not None
    assert found.state is State.FAILED
