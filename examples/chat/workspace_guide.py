"""A guide to the files of one folder, as a worker: `trunkline-worker examples/chat/workspace_guide.py:worker`.

Purpose: the service `guide` takes `{"message": str}` and answers in words, streamed at a pace that reads well. There is no language model:
it understands plain requests (`workspace_requests.py`) and answers from the real files (`workspace_answers.py`).

- `TRUNKLINE_WORKSPACE`: the folder; by default the current one. It is fixed at start.
- `TRUNKLINE_GUIDE_WORDS_PER_SECOND`: the pace; by default 40; 0 for no delay.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Final

import msgspec
from trunkline import Run, Worker

from workspace import NOTES, Refused, Workspace
from workspace_answers import answer
from workspace_requests import Verb, understand

WORDS_PER_SECOND_DEFAULT: Final = 40.0
REPORT_EVERY_FILES: Final = 200


class Ask(msgspec.Struct):
    """What a client sends."""

    message: Annotated[str, msgspec.Meta(max_length=2_000)]


class Stopped(Exception):
    """The scan is no longer wanted."""


def make_worker(workspace: Workspace, *, words_per_second: float) -> Worker:
    """Gives a worker that answers about `workspace`."""
    worker = Worker("workspace-guide")
    pause_s = 1 / words_per_second if words_per_second > 0 else 0.0

    @worker.service("guide", resumable=True)
    async def guide(ask: Ask, run: Run) -> AsyncIterator[str]:
        request = understand(ask.message)
        if request.verb is Verb.NOTE:
            text = await note(workspace, request.argument, run)
        else:
            text = await look_up(workspace, ask.message, run)
        for word in words(text):
            yield word
            await asyncio.sleep(pause_s)

    return worker


async def note(workspace: Workspace, text: str, run: Run) -> str:
    """Writes a note, if the user approves. Where an earlier attempt was lost while it asked, the answer is there already."""
    details = {"file": NOTES, "text": text}
    answer = run.answer or await run.ask(f"Shall I add this to {NOTES}?", action="write_file", details=details)
    if not answer.granted:
        return "Then I leave it as it is.\n"
    try:
        await asyncio.to_thread(workspace.note, text)
    except (OSError, Refused) as error:
        return f"Sorry, I could not write it: {error}.\n"
    return f"Noted in `{NOTES}`.\n"


async def look_up(workspace: Workspace, message: str, run: Run) -> str:
    """Answers in a thread, so that other runs go on, and reports the progress of a long scan."""
    loop = asyncio.get_running_loop()

    def report(files: int) -> None:
        if run.cancelled:
            raise Stopped
        if files % REPORT_EVERY_FILES == 1:
            asyncio.run_coroutine_threadsafe(run.progress(f"files looked at: {files}", stage="scanning"), loop)

    return await asyncio.to_thread(answer, workspace, understand(message), report)


def words(text: str) -> Iterator[str]:
    """Cuts a text into words, each with the space around it; together they are the text."""
    return (match[0] for match in re.finditer(r"\s*\S+\s*", text))


def from_environment() -> Worker:
    """Gives the worker that the environment describes. Raises ValueError where it is wrong."""
    pace = os.environ.get("TRUNKLINE_GUIDE_WORDS_PER_SECOND", "")
    words_per_second = float(pace) if pace else WORDS_PER_SECOND_DEFAULT
    if not 0 <= words_per_second <= 1_000_000:
        raise ValueError(f"TRUNKLINE_GUIDE_WORDS_PER_SECOND is {pace}: 0 or more")
    return make_worker(Workspace(Path(os.environ.get("TRUNKLINE_WORKSPACE") or ".")), words_per_second=words_per_second)


worker = from_environment()
