"""A workflow that may have to wait for a person.

Purpose: does the steps of a plan and says so in the messages `workflow_…`. Before a step that needs leave it asks
(`workflow_approval_required`), and its run is over; the answer (`workflow_approval`) is a message of its own, whose run does the rest. So
nothing waits in memory: what the rest needs stands in one file per workflow (`workflow_store.py`) and outlives connections and processes.

Whoever knows a workflow's id, which is 128 random bits, and is in its realm may answer. What the steps do is not known here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from trunkline import BadRequest, Run

from workflow_store import Record, State, WorkflowStore

Facts = dict[str, Any]
"""What a workflow knows: from its request, and what its steps have found out. It is kept as JSON."""

_ID: Final = msgspec.Meta(min_length=1, max_length=128)


class StepFailed(Exception):
    """A step cannot be done, for a reason that the person may see."""


@dataclass(frozen=True)
class Work:
    """What a step gets."""

    run: Run
    facts: Facts
    cancelled: asyncio.Event
    """Set when the workflow is cancelled: a long step stops then, by raising StepFailed or by ending early."""


class Request(msgspec.Struct, frozen=True):
    """What a person is asked before a step."""

    description: str
    action: str
    details: dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One step of a plan."""

    description: str
    do: Callable[[Work], Awaitable[str]]
    """Does it, and gives what came of it in words. Raises StepFailed."""
    ask: Callable[[Facts], Request | None] = lambda _: None
    """Gives what has to be approved before it, from what the steps before it have found out; None for nothing."""


Planner = Callable[[Facts], Sequence[Step]]
"""Gives the steps of a plan from the facts that it starts with. It is asked again after every wait, and must give the same steps."""


class Approval(msgspec.Struct):
    """The message `workflow_approval`."""

    workflow_id: Annotated[str, _ID]
    approved: bool
    message: str = ""


class Cancel(msgspec.Struct):
    """The message `workflow_cancel`."""

    workflow_id: Annotated[str, _ID]
    reason: str = ""


class Workflows:
    """The workflows of one worker."""

    def __init__(self, store: WorkflowStore, plans: Mapping[str, Planner]) -> None:
        """Takes where workflows are kept, and the plans by name."""
        self._store = store
        self._plans = plans
        self._under_way: dict[str, asyncio.Event] = {}

    def steps(self, plan: str, facts: Facts) -> list[str]:
        """Gives the descriptions of a plan's steps."""
        return [step.description for step in self._plans[plan](facts)]

    async def start(self, run: Run, plan: str, facts: Facts) -> Record:
        """Does a plan's steps up to its end or to the first question; gives where it stands."""
        record = self._store.create(run.realm, plan, facts)
        return await self._go_on(run, record)

    async def answer(self, run: Run, approval: Approval) -> Record:
        """Goes on with a workflow that waits, or cancels it where leave is not given. Raises BadRequest where it does not wait."""
        record = self._find(run, approval.workflow_id)
        if record.state is not State.WAITING:
            raise BadRequest(f"workflow {record.id} waits for nothing: it is {record.state.value}")
        if not approval.approved:
            return await self._cancelled(run, record)
        record.approved_step = record.next_step
        return await self._go_on(run, record)

    async def cancel(self, run: Run, cancel: Cancel) -> None:
        """Stops a workflow: at once where it waits, else as soon as its step lets go. Raises BadRequest where it is over."""
        record = self._find(run, cancel.workflow_id)
        under_way = self._under_way.get(record.id)
        if under_way is not None:
            under_way.set()
        elif record.state is State.WAITING:
            await self._cancelled(run, record)
        else:
            raise BadRequest(f"workflow {record.id} is over: it is {record.state.value}")

    def _find(self, run: Run, workflow_id: str) -> Record:
        record = self._store.find(workflow_id)
        if record is None or record.realm != run.realm:
            raise BadRequest(f"there is no workflow {workflow_id}")
        return record

    async def _go_on(self, run: Run, record: Record) -> Record:
        """The state is `running` before anything is awaited, so that of two answers one is refused."""
        self._keep(record, State.RUNNING)
        cancelled = self._under_way[record.id] = asyncio.Event()
        began = time.monotonic() - record.spent_s
        try:
            return await self._do_steps(Work(run, record.facts, cancelled), record, began)
        except BaseException:  # also where the run is cancelled: no file may say `running` for ever
            self._keep(record, State.FAILED)
            raise
        finally:
            del self._under_way[record.id]

    async def _do_steps(self, work: Work, record: Record, began: float) -> Record:
        run = work.run
        steps = self._plans[record.plan](record.facts)
        for number, step in enumerate(steps[record.next_step :], record.next_step + 1):
            if work.cancelled.is_set():
                return await self._cancelled(run, record)
            request = step.ask(record.facts)
            if request is not None and record.approved_step != record.next_step:
                self._keep(record, State.WAITING)
                await run.emit("workflow_approval_required", {"workflow_id": record.id, **msgspec.to_builtins(request)})
                return record
            place = {"workflow_id": record.id, "description": step.description, "step_number": number, "total_steps": len(steps)}
            await run.progress(step.description, percentage=100 * (number - 1) / len(steps), stage="executing")
            await run.emit("workflow_step_started", place)
            try:
                result = await step.do(work)
            except StepFailed as reason:
                if work.cancelled.is_set():
                    return await self._cancelled(run, record)
                return await self._failed(run, record, str(reason), len(steps))
            record.results.append(result)
            record.next_step = number
            record.spent_s = time.monotonic() - began
            self._keep(record, State.RUNNING)
            await run.emit("workflow_step_completed", {**place, "result": result})
        self._keep(record, State.COMPLETED)
        results = {"steps": record.results, **record.facts.get("results", {})}
        took = {"total_steps": len(steps), "execution_time": round(record.spent_s, 3)}
        await run.emit("workflow_completed", {"workflow_id": record.id, **took, "results": results})
        return record

    async def _failed(self, run: Run, record: Record, reason: str, total: int) -> Record:
        self._keep(record, State.FAILED)
        where = {"failed_step": record.next_step + 1, "total_steps": total}
        await run.emit("workflow_failed", {"workflow_id": record.id, "error": reason, **where})
        return record

    async def _cancelled(self, run: Run, record: Record) -> Record:
        self._keep(record, State.CANCELLED)
        total = len(self._plans[record.plan](record.facts))
        where = {"cancelled_at_step": min(record.next_step + 1, total), "total_steps": total}
        await run.emit("workflow_cancelled", {"workflow_id": record.id, **where})
        return record

    def _keep(self, record: Record, state: State) -> None:
        record.state = state
        self._store.keep(record)
