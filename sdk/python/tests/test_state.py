"""Latest state: what a handler emits of a type of which only the newest value matters."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gateway import PATIENCE_S, GatewayDouble, serving
from trunkline import BlockingRun, CallFailed, Event, Run, Worker, _event
from trunkline._execution import LATEST_MAX
from trunkline._latest import LATEST
from trunkline._protocol import Kind, Message
from trunkline.messages import data, flat
from trunkline.models import data as models
from trunkline.testing import TestClient


@dataclass
class Metrics:
    cpu: float
    memory: float


def evolution(run: str, generation: int) -> data.EvolutionProgress:
    fitness = data.EvolutionProgressPopulationFitness(best=1, mean=0.5)
    return data.EvolutionProgress(
        run_id=run,
        generation=generation,
        population_fitness=fitness,
        mutation_success_rate=0.5,
        selection_pressure=1,
    )


@pytest.mark.parametrize("name", LATEST)
def test_a_latest_type_is_spelled_as_state_and_others_as_events(name: str) -> None:
    field = LATEST[name]
    state = _event.spell(Event(name, {} if field is None else {field: "one"}))
    assert (state.kind, state.name, state.key) == ("state", name, None if field is None else "one")
    assert _event.state(name, {}, "given").key == "given"
    assert _event.spell(Event(name + "s", {})) == ("event", name + "s", b"{}", "json", None)


@pytest.mark.parametrize("payload", [None, [], "one", 1, {}, {"run_id": None}, {"run_id": 7}, {"run_id": ["a"]}, {"other": "a"}])
def test_what_has_no_key_is_the_one_value_without(payload: Any) -> None:
    assert _event.spell(Event("evolution_progress", payload)).key is None


async def test_handlers_emit_structs_models_dataclasses_and_dicts() -> None:
    worker = Worker("w")

    @worker.service("work")
    async def work(run: Run) -> AsyncIterator[Any]:
        await run.emit("mcp_server_status", models.McpServerStatus(server="files", status="online", tools_count=3))
        await run.emit("system_metrics", Metrics(cpu=1, memory=2))
        await run.emit("typing_indicator", data.TypingIndicator(agent_id="general", typing=True))
        await run.emit("progress_update", {"progress": 0.5})
        yield "text"
        yield Event("ollama_status", {"status": "connected"})
        await run.emit("tool_discovered", {"server": "files", "change": "added"})

    async with TestClient(worker) as client:
        run = client.run("work")
        assert [event async for event in run] == ["text", Event("tool_discovered", {"server": "files", "change": "added"})]
    assert run.latest == [
        Event("mcp_server_status", {"server": "files", "status": "online", "tools_count": 3}),
        Event("system_metrics", {"cpu": 1, "memory": 2}),
        Event("typing_indicator", {"agentId": "general", "typing": True}),
        Event("progress_update", {"progress": 0.5}),
        Event("ollama_status", {"status": "connected"}),
    ]
    assert run.progress == []


async def test_a_thread_emits_state_without_waiting() -> None:
    worker = Worker("w")

    @worker.service("work", threads=True)
    def work(run: BlockingRun) -> Iterator[Any]:
        for percentage in range(1_000):
            run.emit("system_metrics", {"cpu": percentage, "memory": 1})
            run.latest("gpu_metrics", {"utilization": percentage})
        yield "text"
        yield Event("system_metrics", {"cpu": 1, "memory": 2})

    async with TestClient(worker) as client:
        run = client.run("work")
        assert await run.text() == "text"
    assert run.latest[-1] == Event("system_metrics", {"cpu": 1, "memory": 2})
    assert Event("gpu_metrics", {"utilization": 999}) in run.latest


@pytest.mark.parametrize("threads", [False, True])
async def test_state_that_no_gateway_takes_is_an_error(threads: bool) -> None:
    worker = Worker("w")

    async def large(run: Run) -> None:
        await run.emit("status_update", "x" * _event.STATE_BYTES_MAX)

    def large_in_thread(run: BlockingRun) -> None:
        run.progress("x" * _event.STATE_BYTES_MAX)

    worker.service("large", threads=threads)(large_in_thread if threads else large)
    async with TestClient(worker) as client:
        with pytest.raises(CallFailed, match="payload_too_large"):
            await client.run("large")


async def test_the_newest_value_of_each_key_is_sent(gateway: GatewayDouble) -> None:
    worker = Worker("w")

    @worker.service("evolve")
    async def evolve(run: Run) -> None:
        for generation in range(50):
            for name in ("a", "b"):
                await run.emit("evolution_progress", evolution(name, generation))
            await run.emit("status_update", flat.StatusUpdate(timestamp="2026-01-02T03:04:05Z", status=str(generation)))
        await asyncio.Event().wait()

    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome(window=1)
        corr = await peer.call("evolve")
        states = [await peer.expect(Kind.EVENT) for _ in range(3)]
        assert {state.corr for state in states} == {corr}
        assert [(state.name, state.meta) for state in states] == [
            ("evolution_progress", {"key": "a"}),
            ("evolution_progress", {"key": "b"}),
            ("status_update", {}),
        ]
        newest = [json.loads(state.payload) for state in states]
        assert [newest[0]["generation"], newest[1]["generation"], newest[2]["status"]] == [49, 49, "49"]
        await peer.ping()
        assert peer.is_quiet


async def test_no_more_values_wait_than_the_bound_and_the_newest_stay(gateway: GatewayDouble, caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker("w")
    count = LATEST_MAX + 3
    away, emitted = asyncio.Event(), asyncio.Event()

    @worker.service("report")
    async def report(run: Run) -> None:
        await away.wait()
        for number in range(count):
            await run.emit("mcp_server_status", {"server": str(number)})
        # What is emitted again is new: the server after it is the oldest now.
        await run.emit("mcp_server_status", {"server": "3"})
        await run.emit("mcp_server_status", {"server": "last"})
        emitted.set()
        await asyncio.Event().wait()

    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("report")
        await peer.send(Kind.UNKNOWN_PEER)
        await peer.expect(Kind.HELLO)
        away.set()
        with caplog.at_level(logging.WARNING, logger="trunkline"):
            async with asyncio.timeout(PATIENCE_S):
                await emitted.wait()
        await peer.send(Kind.WELCOME, ping_ms=60_000, window=1, resumed=[{"run": "r1", "corr": 50, "ack": 0}])
        states: list[Message] = [await peer.expect(Kind.EVENT) for _ in range(LATEST_MAX)]
        assert [state.meta["key"] for state in states] == [*map(str, range(5, count)), "3", "last"]
        assert {state.corr for state in states} == {50}
        await peer.ping()
        assert peer.is_quiet
    dropped = [record for record in caplog.records if "latest state dropped" in record.getMessage()]
    assert len(dropped) == 1
    assert "run=r1" in dropped[0].getMessage()
