"""The automation handler: workflows with a question in the middle.

Purpose: serves `start_workflow`, `workflow_approval` and `workflow_cancel` (services `automation`, `workflow_approval`,
`workflow_cancel`). What a workflow does is a plan's (`tidy_plan.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from trunkline import Run, Worker

from tidy_plan import tidy
from workflow import Approval, Cancel, Workflows
from workflow_store import WorkflowStore


class Start(msgspec.Struct):
    """The message `start_workflow`."""

    workflow: Literal["tidy"]


def make_worker(inbox: Path, state: Path) -> Worker:
    """Gives a worker for the workflows of one folder."""
    worker = Worker("automation")
    workflows = Workflows(WorkflowStore(state), {"tidy": lambda _: tidy(inbox)})

    @worker.service("automation")
    async def automation(start: Start, run: Run) -> None:
        steps = workflows.steps(start.workflow, {})
        await run.emit("plan_ready", {"workflow": start.workflow, "steps": steps})
        await workflows.start(run, start.workflow, {})

    @worker.service("workflow_approval")
    async def workflow_approval(approval: Approval, run: Run) -> None:
        await workflows.answer(run, approval)

    @worker.service("workflow_cancel")
    async def workflow_cancel(cancel: Cancel, run: Run) -> None:
        await workflows.cancel(run, cancel)

    return worker
