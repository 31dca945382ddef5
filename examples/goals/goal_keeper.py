"""The worker of the example `goals`: `trunkline-worker examples/goals/goal_keeper.py:worker`.

Purpose: makes the worker that the environment describes.

- `GOALS_FOLDER`: the folder in which goals are reached; by default `data/goals/files`. Where there is none, it is made with some files.
- `GOALS_STATE`: where workflows are kept; by default `state` beside that folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from trunkline import Worker

from goal_agent import make_worker

SAMPLES: Final = {
    "gateway.log": "".join(f"2025-11-{day:02} 08:00:0{day % 10} connection opened\n" for day in range(1, 21)),
    "worker.log": "".join(f"2025-11-{day:02} 08:00:0{day % 10} run completed took_ms={40 + 7 * day}\n" for day in range(1, 13)),
    "minutes.txt": "We agreed to archive the logs every month.\nMara writes the report, Ilya checks it.\n",
    "ideas.txt": "Show the plan before anything is done.\nAsk before something is deleted.\n",
}


def from_environment() -> Worker:
    """Gives the worker that the environment describes."""
    folder = Path(os.environ.get("GOALS_FOLDER") or "data/goals/files").resolve()
    if not folder.exists():
        folder.mkdir(parents=True)
        for name, text in SAMPLES.items():
            (folder / name).write_text(text, encoding="utf-8")
    return make_worker(folder, Path(os.environ.get("GOALS_STATE") or folder.parent / "state"))


worker = from_environment()
