"""The worker of `/ws/automation` in the example `assistant`: `trunkline-worker examples/assistant/automation.py:worker`.

Purpose: makes the worker that the environment describes.

- `AUTOMATION_FOLDER`: the inbox; by default `data/assistant/inbox`. Where there is none, it is made with some files in it.
- `AUTOMATION_STATE`: where workflows are kept; by default `state` beside that folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from trunkline import Worker

from automation_agent import make_worker

SAMPLES: Final = {
    "invoice 17.txt": "Harbour Books, ladder, 310.00\n",
    "invoice 17 (copy).txt": "Harbour Books, ladder, 310.00\n",
    "measurements.csv": "part,length\nshelf,840\nside,1920\n",
    "plan.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8H0z"/></svg>\n',
    "notes.md": "Order oak before Friday.\n",
}


def from_environment() -> Worker:
    """Gives the worker that the environment describes."""
    folder = Path(os.environ.get("AUTOMATION_FOLDER") or "data/assistant/inbox")
    if not folder.exists():
        folder.mkdir(parents=True)
        for name, text in SAMPLES.items():
            (folder / name).write_text(text, encoding="utf-8")
    return make_worker(folder, Path(os.environ.get("AUTOMATION_STATE") or folder.parent / "state"))


worker = from_environment()
