"""What the goal keeper answers.

Purpose: serves what a front end of dialect `payload` says: `user_message` and `goal` (service `chat`), `workflow_approval`,
`workflow_cancel` and `diagnostics` (services of these names). Goals are reached by real commands in one folder. There is no language model.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from trunkline import Failed, Run, Worker

from calculator import NotCalculable, calculate
from goal_plans import plans
from goal_requests import Calculation, Goal, understand
from machine import MachineUnknown, measure
from workflow import Approval, Cancel, Workflows
from workflow_store import Record, State, WorkflowStore

MODEL: Final = "plain-rules"
"""What stands in `llm_response.model`; the gateway adds `chat_id` and `processing_time`."""
HELP: Final = (
    "I reach goals in one folder, with real commands. Try `archive the logs` (I ask before I delete anything), "
    "`write a report about the notes`, or let me calculate something: `what is (17 + 4) * 2.5?`"
)


class Ask(msgspec.Struct):
    """The messages `user_message` and `goal`; one of the two texts is there."""

    message: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    goal: Annotated[str, msgspec.Meta(max_length=2_000)] = ""


def make_worker(folder: Path, state: Path) -> Worker:
    """Gives a worker for the goals of one folder."""
    worker = Worker("goal-keeper")
    workflows = Workflows(WorkflowStore(state), plans(folder))

    @worker.service("chat")
    async def chat(ask: Ask, run: Run) -> dict[str, str] | None:
        wanted = understand(ask.goal or ask.message)
        if isinstance(wanted, Goal):
            await reach(workflows, run, wanted)
            return None
        answer = await calculated(run, wanted) if wanted else HELP
        return {"response": answer, "model": MODEL}

    @worker.service("workflow_approval")
    async def workflow_approval(approval: Approval, run: Run) -> None:
        await finish(run, await workflows.answer(run, approval))

    @worker.service("workflow_cancel")
    async def workflow_cancel(cancel: Cancel, run: Run) -> None:
        await workflows.cancel(run, cancel)

    @worker.service("diagnostics")
    async def diagnostics() -> dict[str, Any]:
        return {"type": "diagnostics_report", "payload": await _report(folder)}

    return worker


async def reach(workflows: Workflows, run: Run, goal: Goal) -> None:
    """Says the plan for a goal, and does it as far as nobody has to be asked."""
    await run.emit("goal_received", {"goal": goal.words})
    steps = workflows.steps(goal.plan, {})
    text = " ".join(f"{number}. {step}." for number, step in enumerate(steps, 1))
    await run.emit("plan_ready", {"llm_response": text, "steps": steps})
    await finish(run, await workflows.start(run, goal.plan, {"goal": goal.words}))


async def finish(run: Run, record: Record) -> None:
    """Says how a goal ended, unless its workflow goes on later."""
    words = {State.COMPLETED: "success", State.FAILED: "failed", State.CANCELLED: "cancelled"}
    status = words.get(record.state)
    if status is not None:
        results = {"status": status, "output": "; ".join(record.results), "metrics": {"seconds": round(record.spent_s, 3)}}
        await run.emit("goal_completed", {"results": results})


async def calculated(run: Run, wanted: Calculation) -> str:
    """Calculates, as a tool of the agent does."""
    reasoning = "the message is nothing but numbers and signs between them"
    await run.emit("thought", {"thought": {"content": f"I calculate {wanted.term}.", "reasoning": reasoning, "confidence": 1}})
    await run.emit("tool_code", {"code": wanted.term, "language": "arithmetic", "tool": "calculator"})
    try:
        output, success = f"{wanted.term} = {calculate(wanted.term)}", True
    except NotCalculable as reason:
        output, success = f"I cannot calculate that: {reason}.", False
    await run.emit("tool_output", {"output": output, "tool": "calculator", "success": success})
    return output


async def _report(folder: Path) -> dict[str, Any]:
    try:
        load = await measure(folder)
    except MachineUnknown as reason:
        raise Failed(str(reason)) from reason
    tools = {name: "healthy" if shutil.which(name) else "missing" for name in ("wc", "tar", "rm")}
    return {"system": {"cpu_usage": load.cpu, "memory_usage": load.memory, "disk_usage": load.disk}, "services": tools}
