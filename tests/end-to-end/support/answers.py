"""What the workspace guide answers, without a gateway.

Purpose: takes the example's folder and a workspace as arguments and a JSON list of questions from stdin, and writes the list of answers
to stdout. The worker's real handler gives them, on the SDK's own test kit.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from pathlib import Path

from trunkline.testing import TestClient


async def answers(example: Path, folder: Path, questions: list[str]) -> list[str]:
    """Gives the guide's answers, in order."""
    sys.path.insert(0, str(example))
    workspace = importlib.import_module("workspace").Workspace(folder)
    worker = importlib.import_module("workspace_guide").make_worker(workspace, words_per_second=0)
    async with TestClient(worker) as client:
        return [await client.run("guide", {"message": question}).text() for question in questions]


if __name__ == "__main__":
    json.dump(asyncio.run(answers(Path(sys.argv[1]), Path(sys.argv[2]), json.load(sys.stdin))), sys.stdout)
