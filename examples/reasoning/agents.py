"""The worker of the example `reasoning`: `trunkline-worker examples/reasoning/agents.py:worker`.

Purpose: serves what a front end of dialect `data` says: `chat_message` (service `chat`), `start_reasoning`, `start_evolution`,
`stop_reasoning` and `stop_evolution` (service `stop`), `request_system_metrics` (service `metrics`). There is no language model: the agents
search, calculate and read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from trunkline import BadRequest, BlockingRun, Failed, Run, Worker

import numbers_game
import water_jugs
from calculator import NotCalculable, calculate
from code_review import review
from evolution import Evolution, Parameters
from machine import MachineUnknown, measure
from numbers_game import NumbersGame, Weights
from stops import Stopped, Stops
from tree_search import Level, Problem, search

TEXT_CHARACTERS_MAX: Final = 20_000
DEPTH_DEFAULT: Final = 6
BRANCHES_DEFAULT: Final = 12
PROBLEMS: Final = "`reach 952 with 25 50 75 100 3 6` or `measure 4 litres with jugs of 3 and 5`"

worker = Worker("agents", concurrency=32)
stops = Stops()


class Message(msgspec.Struct):
    """What stands in `message` of a `chat_message`."""

    content: Annotated[str, msgspec.Meta(max_length=TEXT_CHARACTERS_MAX)]
    agentId: Literal["reasoning", "coding", "general"]  # noqa: N815


class ChatMessage(msgspec.Struct):
    """The message `chat_message`."""

    message: Message


class Search(msgspec.Struct):
    """The parameters of `start_reasoning`."""

    max_depth: Annotated[int, msgspec.Meta(ge=1, le=30)] = DEPTH_DEFAULT
    branches: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = BRANCHES_DEFAULT
    weights: dict[Literal["left", "factor", "gap", "near"], float] = {}
    """How the numbers game is judged: those of an evolved variant, for example."""


class StartReasoning(msgspec.Struct):
    """The message `start_reasoning`."""

    problem: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
    parameters: Search = msgspec.field(default_factory=Search)


class StartEvolution(msgspec.Struct):
    """The message `start_evolution`."""

    parameters: Parameters = msgspec.field(default_factory=Parameters)


class Stop(msgspec.Struct):
    """The messages `stop_reasoning` and `stop_evolution`."""

    run_id: str


class Metadata(msgspec.Struct):
    """How an answer came about; the gateway adds `processing_time`."""

    confidence: float
    reasoning_path: list[str] = []


class Reply(msgspec.Struct):
    """What an agent answers; the gateway makes `chat_response` of it."""

    content: str
    metadata: Metadata


@worker.service("chat", threads=True)
def chat(chat: ChatMessage, run: BlockingRun) -> Reply:
    """Lets an agent answer, and says that it is at work."""
    agent = chat.message.agentId
    run.latest("typing_indicator", {"agentId": agent, "typing": True}, key=agent)
    reply = AGENTS[agent](chat.message.content, run)
    run.latest("typing_indicator", {"agentId": agent, "typing": False}, key=agent)
    return reply


@worker.service("start_reasoning", threads=True)
def start_reasoning(start: StartReasoning, run: BlockingRun) -> None:
    """Searches, and tells what it thinks after each level."""
    problem = read_problem(start.problem, start.parameters.weights)
    if problem is None:
        raise BadRequest(f"I can reason about problems such as {PROBLEMS}")
    depth = start.parameters.max_depth
    level, stopped = None, False
    with stops.of(run) as check:
        try:
            for level in search(problem, max_depth=depth, branches=start.parameters.branches, check=check):
                progress = 1.0 if level.is_solved else level.depth / depth
                update = {"step": level.depth, "content": _thought(level), "progress": progress}
                run.emit("reasoning_update", {"run_id": run.id, **update})
        except Stopped:
            stopped = True
    run.emit("reasoning_complete", {"run_id": run.id, "result": _result(problem, level, stopped=stopped)})


@worker.service("start_evolution", threads=True)
def start_evolution(start: StartEvolution, run: BlockingRun) -> None:
    """Evolves how the numbers game is played, and tells about each generation."""
    evolution = Evolution(start.parameters)
    generation, stopped = None, False
    with stops.of(run) as check:
        try:
            for generation in evolution.generations(check):
                fitness = {"best": round(generation.variants[0].fitness, 4), "mean": round(generation.mean, 4)}
                rates = {"mutation_success_rate": generation.mutation_success_rate, "selection_pressure": generation.selection_pressure}
                progress = {"generation": generation.number, "population_fitness": fitness, **rates}
                run.latest("evolution_progress", {"run_id": run.id, **progress}, key=run.id)
        except Stopped:
            stopped = True
    outcome: dict[str, Any] = {"variants": [], "improvement": {}, "tool_enhancements": []}
    if generation is not None:
        outcome = evolution.outcome(generation, run.check)
    run.emit("evolution_complete", {"run_id": run.id, "stopped": stopped, **outcome})


@worker.service("stop")
async def stop(stop: Stop, run: Run) -> None:
    """Lets a reasoning or an evolution end with what it has."""
    if not stops.stop(run, stop.run_id):
        raise BadRequest(f"there is no run {stop.run_id} that could be stopped")


@worker.service("metrics")
async def metrics() -> dict[str, Any]:
    """Tells how busy this machine is."""
    try:
        load = await measure(Path.cwd())
    except MachineUnknown as reason:
        raise Failed(str(reason)) from reason
    return {"type": "system_metrics", "data": load._asdict()}


def read_problem(text: str, weights: dict[Any, float]) -> Problem | None:
    """Reads a problem that can be searched."""
    game = numbers_game.read_task(text)
    if game is not None:
        return NumbersGame(game.target, game.numbers, Weights(**weights))
    return water_jugs.read_task(text)


def reason(text: str, run: BlockingRun) -> Reply:
    """The reasoning agent: searches."""
    problem = read_problem(text, {})
    if problem is None:
        return Reply(f"I search. Give me a problem such as {PROBLEMS}.", Metadata(0.0))
    *_, last = search(problem, max_depth=12, branches=30, check=run.check)
    result = _result(problem, last, stopped=False)
    words = "; ".join(last.best.path)
    found = f"To {problem.words}: {words}." if last.is_solved else f"I found no way to {problem.words}; the nearest is: {words}."
    return Reply(found, Metadata(result["confidence"], list(last.best.path)))


def code(text: str, _: BlockingRun) -> Reply:
    """The coding agent: reads code."""
    seen = review(text)
    return Reply(seen.words, Metadata(1.0 if seen.is_code else 0.5, seen.remarks))


def talk(text: str, _: BlockingRun) -> Reply:
    """The general agent: calculates."""
    try:
        return Reply(f"{text.strip()} = {calculate(text)}", Metadata(1.0))
    except NotCalculable as reason:
        return Reply(f"I only calculate, and {reason}. Try `(17 + 4) * 2.5`.", Metadata(0.0))


AGENTS: Final = {"reasoning": reason, "coding": code, "general": talk}


def _thought(level: Level) -> str:
    path = ", then ".join(level.best.path) or "nothing helps yet"
    words = "Solved" if level.is_solved else "Nearest so far"
    return f"{words}: {path}. {level.looked_at} thoughts looked at, {level.followed} followed."


def _result(problem: Problem, level: Level | None, *, stopped: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"problem": problem.words, "solved": False, "stopped": stopped, "path": [], "looked_at": 0, "confidence": 0.0}
    if level is None:
        return result
    confidence = 1.0 if level.is_solved else round(1 / (1 + level.best.distance), 3)
    found = {"solved": level.is_solved, "path": list(level.best.path), "looked_at": level.looked_at, "confidence": confidence}
    return result | found
