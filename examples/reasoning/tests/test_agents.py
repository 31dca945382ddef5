"""The agents on the SDK's own test kit."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import pytest
from trunkline import CallFailed, Event
from trunkline.testing import TestClient, TestRun

from agents import worker

ENDLESS = {"problem": "reach 9999 with 1 2 3 4 5 6 7 8", "parameters": {"max_depth": 7, "branches": 1000}}


async def events(run: TestRun) -> list[Event]:
    found = [event async for event in run if isinstance(event, Event)]
    assert run.outcome == "completed", run.error
    return found


async def stop(client: TestClient, run_id: str) -> None:
    """Stops a run as soon as it can be stopped."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(CallFailed):
                await client.run("stop", {"run_id": run_id})
                return


async def chat(client: TestClient, agent: str, content: str) -> dict[str, Any]:
    """Gives an agent's answer."""
    message = {"content": content, "agentId": agent, "timestamp": "2025-01-15T10:30:00.000Z"}
    run = client.run("chat", {"message": message})
    said: dict[str, Any] = await run
    assert run.latest[-1] == Event("typing_indicator", {"agentId": agent, "typing": False})
    return said


async def test_three_agents_answer_what_they_were_asked() -> None:
    left, right = random.randrange(2, 1000), random.randrange(2, 1000)  # noqa: S311
    async with TestClient(worker) as client:
        calculated = await chat(client, "general", f"{left} * {right}")
        searched = await chat(client, "reasoning", f"reach {left + right} with {left} {right}")
        reviewed = await chat(client, "coding", f"import name{left}")
        lost = await chat(client, "general", "hello")
    assert calculated["content"] == f"{left} * {right} = {left * right}"
    assert searched["metadata"]["reasoning_path"] == [f"{max(left, right)} + {min(left, right)} = {left + right}"]
    assert searched["metadata"]["confidence"] == 1
    assert f"`name{left}` is imported and never used" in reviewed["content"]
    assert lost["metadata"]["confidence"] == 0


async def test_reasoning_updates_until_it_is_complete() -> None:
    start = {"problem": "reach 788 with 6 7 8 9 25 50", "parameters": {"max_depth": 5, "branches": 12}}
    async with TestClient(worker) as client:
        *updates, last = await events(client.run("start_reasoning", start, run="r1"))
        start["parameters"] = {"max_depth": 3, "branches": 12}
        *fewer, unsolved = await events(client.run("start_reasoning", start))
    assert [update.payload["step"] for update in updates] == list(range(1, len(updates) + 1))
    assert all(update.type == "reasoning_update" and update.payload["run_id"] == "r1" for update in updates)
    assert updates[-1].payload["progress"] == 1
    assert (last.type, last.payload["run_id"]) == ("reasoning_complete", "r1")
    assert last.payload["result"]["solved"]
    assert last.payload["result"]["path"][-1].endswith("= 788")
    assert len(fewer) == 3
    assert not unsolved.payload["result"]["solved"]


@pytest.mark.parametrize(
    ("service", "payload", "end"),
    [
        ("start_reasoning", ENDLESS, "reasoning_complete"),
        ("start_evolution", {"parameters": {"population_size": 64, "generations": 200}}, "evolution_complete"),
    ],
)
async def test_stop_lets_it_end_with_what_it_has(service: str, payload: dict[str, Any], end: str) -> None:
    async with TestClient(worker) as client:
        run = client.run(service, payload, run="long")
        await stop(client, "long")
        last = (await events(run))[-1]
        with pytest.raises(CallFailed, match="there is no run long"):
            await client.run("stop", {"run_id": "long"})
    assert last.type == end
    result = last.payload.get("result", last.payload)
    assert result["stopped"] is True
    assert not result.get("solved")


async def test_a_run_of_another_realm_is_not_stopped() -> None:
    async with TestClient(worker) as client:
        run = client.run("start_reasoning", ENDLESS, run="long")
        assert await anext(run)
        with pytest.raises(CallFailed, match="there is no run long"):
            await client.run("stop", {"run_id": "long"}, realm="elsewhere")
        await client.run("stop", {"run_id": "long"})
        await run


async def test_evolution_tells_each_generation() -> None:
    parameters = {"population_size": 6, "generations": 3, "mutation_rate": 0.5, "seed": 5}
    async with TestClient(worker) as client:
        run = client.run("start_evolution", {"parameters": parameters}, run="r2")
        [last] = await events(run)
    progress = run.latest
    generations = [event.payload["generation"] for event in progress]
    assert generations == sorted(set(generations)), "a state may be skipped, but none is told twice"
    assert generations[-1] == 3
    assert all(event.payload["population_fitness"]["best"] >= event.payload["population_fitness"]["mean"] for event in progress)
    assert (last.type, last.payload["run_id"], last.payload["stopped"]) == ("evolution_complete", "r2", False)
    assert {"solved_before", "solved_after"} <= set(last.payload["improvement"])
    assert last.payload["variants"][0]["id"] == "v1"


async def test_an_evolved_variant_can_reason() -> None:
    problem = "reach 285 with 2 6 9 9 10 100"
    narrow = {"max_depth": 5, "branches": 2}
    weights = {"left": 6.0, "factor": 20.0, "gap": 0.5}
    async with TestClient(worker) as client:
        *_, plain = await events(client.run("start_reasoning", {"problem": problem, "parameters": narrow}))
        *_, evolved = await events(client.run("start_reasoning", {"problem": problem, "parameters": {**narrow, "weights": weights}}))
    assert not plain.payload["result"]["solved"]
    assert evolved.payload["result"]["solved"]


async def test_metrics_are_this_machines() -> None:
    async with TestClient(worker) as client:
        metrics = await client.run("metrics")
    assert metrics["type"] == "system_metrics"
    assert set(metrics["data"]) == {"cpu", "memory", "disk"}
    assert all(0 <= value <= 100 for value in metrics["data"].values())


@pytest.mark.parametrize(
    ("service", "payload"),
    [
        ("start_reasoning", {"problem": "why is the sky blue?"}),
        ("start_reasoning", {"problem": "reach 7 with 3 4", "parameters": {"max_depth": 0}}),
        ("start_evolution", {"parameters": {"population_size": 10_000}}),
        ("chat", {"message": {"content": "hello", "agentId": "nobody"}}),
    ],
)
async def test_what_is_refused(service: str, payload: dict[str, Any]) -> None:
    async with TestClient(worker) as client:
        with pytest.raises(CallFailed, match="bad_request"):
            await client.run(service, payload)
