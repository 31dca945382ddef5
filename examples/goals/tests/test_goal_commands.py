"""Commands that workflows run."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from trunkline import CallFailed, Event, Run, Worker
from trunkline.testing import TestClient

from goal_commands import execute
from workflow import StepFailed, Work


def runner(folder: Path, cancelled: asyncio.Event) -> Worker:
    """A worker that runs a program, and gives its output or why it failed."""
    worker = Worker("runner")

    @worker.service("execute")
    async def run_program(argv: list[str], run: Run) -> str:
        try:
            return await execute(Work(run, {}, cancelled), folder, *argv)
        except StepFailed as reason:
            return f"failed: {reason}"

    return worker


async def ends(folder: Path, *argv: str) -> tuple[str, dict[str, Any]]:
    """Gives what a program came to, and the message that tells its end."""
    async with TestClient(runner(folder, asyncio.Event())) as client:
        run = client.run("execute", argv)
        start, end = [event async for event in run if isinstance(event, Event)]
        assert start.type == "command_execution_start"
        assert start.payload["execution_id"] == end.payload["execution_id"]
        return await run, end.payload


async def test_a_program_runs_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "one.txt").touch()
    output, end = await ends(tmp_path, "ls")
    assert output == "one.txt\n"
    assert (end["status"], end["output"], end["exit_code"]) == ("success", "one.txt\n", 0)


@pytest.mark.parametrize(
    ("argv", "exit_code", "why"),
    [
        (("ls", "missing"), 2, "No such file"),
        (("false",), 1, "it ended with 1"),
        (("no-such-program",), 127, "No such file"),
    ],
)
async def test_a_program_that_fails_says_why(tmp_path: Path, argv: tuple[str, ...], exit_code: int, why: str) -> None:
    output, end = await ends(tmp_path, *argv)
    assert (end["status"], end["exit_code"]) == ("failed", exit_code)
    assert why in end["error"]
    assert output == f"failed: {argv[0]} failed: {end['error']}"


async def test_words_of_a_shell_are_words(tmp_path: Path) -> None:
    output, _ = await ends(tmp_path, "echo", "$HOME; rm -rf *")
    assert output == "$HOME; rm -rf *\n"


async def test_a_cancelled_workflow_ends_its_program(tmp_path: Path) -> None:
    cancelled = asyncio.Event()
    async with TestClient(runner(tmp_path, cancelled)) as client:
        run = client.run("execute", ["sleep", "60"])
        assert await anext(run)
        cancelled.set()
        assert await run == "failed: sleep failed: the workflow was cancelled"


async def test_a_cancelled_run_ends_its_program(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pid")
    async with TestClient(runner(tmp_path, asyncio.Event())) as client:
        run = client.run("execute", ["sh", "-c", "echo $$ > pid; exec sleep 60"])
        pid = int(await asyncio.to_thread((tmp_path / "pid").read_text))
        run.cancel()
        with pytest.raises(CallFailed, match="cancelled"):
            await run
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
