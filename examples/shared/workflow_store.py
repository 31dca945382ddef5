"""Where workflows are kept: one JSON file each.

Purpose: a workflow that waits for a person must outlive the worker's process. One process at a time uses a folder. What a workflow does
is not known here.
"""

from __future__ import annotations

import enum
import re
import secrets
from pathlib import Path
from typing import Any, Final

import msgspec

_ID: Final = re.compile(r"workflow-[0-9a-f]{32}")


class State(enum.Enum):
    """Where a workflow stands."""

    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Record(msgspec.Struct):
    """One workflow."""

    id: str
    realm: str
    plan: str
    facts: dict[str, Any]
    state: State = State.RUNNING
    next_step: int = 0
    """How many steps are done."""
    approved_step: int | None = None
    """The value of `next_step` for which leave was given."""
    spent_s: float = 0.0
    """How long its steps took; waiting does not count."""
    results: list[str] = []


class WorkflowStore:
    """A folder of workflows."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder, which is made where there is none. What a process left in the middle of a step has failed."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("workflow-*.json"):
            record = msgspec.json.decode(path.read_bytes(), type=Record)
            if record.state is State.RUNNING:
                record.state = State.FAILED
                self.keep(record)

    def create(self, realm: str, plan: str, facts: dict[str, Any]) -> Record:
        """Gives a new workflow, which is not kept yet."""
        return Record(f"workflow-{secrets.token_hex(16)}", realm, plan, facts)

    def keep(self, record: Record) -> None:
        """Writes a workflow; whoever reads finds the old file or the new one, whole."""
        path = self._path(record.id)
        new = path.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(record))
        new.replace(path)

    def find(self, workflow_id: str) -> Record | None:
        """Gives a workflow, or None where there is none."""
        if not _ID.fullmatch(workflow_id):
            return None
        try:
            return msgspec.json.decode(self._path(workflow_id).read_bytes(), type=Record)
        except FileNotFoundError:
            return None

    def _path(self, workflow_id: str) -> Path:
        return self._folder / f"{workflow_id}.json"
