"""A worker that tells more latest state than anybody can read.

Purpose: emits every generation of two populations by the ordinary way, as structs, models and dicts, and then waits. What of it arrives
is the test's to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from trunkline import Event, Run, Worker
from trunkline.messages import data
from trunkline.models import data as models

GENERATIONS: Final = 200

worker = Worker("evolving")


@worker.service("evolve")
async def evolve(run: Run) -> AsyncIterator[Any]:
    """Evolves until it is cancelled."""
    for generation in range(GENERATIONS):
        fitness = data.EvolutionProgressPopulationFitness(best=1, mean=0.5)
        facts: dict[str, Any] = {"generation": generation, "mutation_success_rate": 0.5, "selection_pressure": 1}
        await run.emit("evolution_progress", data.EvolutionProgress(run_id="a", population_fitness=fitness, **facts))
        yield Event("evolution_progress", {"run_id": "b", "population_fitness": {"best": 1, "mean": 0.5}, **facts})
        await run.emit("typing_indicator", models.TypingIndicator(agent_id="general", typing=generation < GENERATIONS - 1))
        await asyncio.sleep(0)
    await run.emit("system_alert", data.SystemAlert(severity="low", message="all generations are there"))
    await asyncio.Event().wait()
