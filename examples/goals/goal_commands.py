"""Commands of a workflow: programs with fixed arguments in one folder, seen by the client.

Purpose: runs a program and says so (`command_execution_start`, `command_execution_end`). There is no shell, and what runs is chosen by the
plan, never by a client. It does not know what for.
"""

from __future__ import annotations

import asyncio
import secrets
import shlex
from pathlib import Path
from typing import Final

from workflow import StepFailed, Work

OUTPUT_CHARACTERS_MAX: Final = 4_000
"""How much of a command's output is sent."""
TIMEOUT_S: Final = 30.0


async def execute(work: Work, folder: Path, *argv: str) -> str:
    """Runs a program to its end and gives its output. Raises StepFailed where it fails, takes too long, or the workflow is cancelled."""
    execution_id = f"exec-{secrets.token_hex(8)}"
    await work.run.emit("command_execution_start", {"command": shlex.join(argv), "execution_id": execution_id})
    exit_code, output, error = await _run(work, folder, argv)
    end = {"execution_id": execution_id, "output": output[:OUTPUT_CHARACTERS_MAX], "exit_code": exit_code}
    if exit_code == 0:
        await work.run.emit("command_execution_end", {**end, "status": "success"})
        return output
    await work.run.emit("command_execution_end", {**end, "status": "failed", "error": error})
    raise StepFailed(f"{argv[0]} failed: {error}")


async def _run(work: Work, folder: Path, argv: tuple[str, ...]) -> tuple[int, str, str]:
    """Gives exit code, output, and why it failed."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        return 127, "", error.strerror or "it cannot be started"
    talking = asyncio.ensure_future(process.communicate())
    cancelling = asyncio.ensure_future(work.cancelled.wait())
    try:
        await asyncio.wait({talking, cancelling}, timeout=TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        in_time = talking.done()
        if not in_time:
            process.kill()
        output, errors = (stream.decode(errors="replace") for stream in await talking)
    finally:
        cancelling.cancel()
        if process.returncode is None:  # the run itself was cancelled
            process.kill()
            await process.wait()
    exit_code = process.returncode if process.returncode is not None else -1
    why = errors.strip() or f"it ended with {exit_code}"
    if not in_time:
        why = "the workflow was cancelled" if work.cancelled.is_set() else f"it took longer than {TIMEOUT_S:.0f} s"
    return exit_code, output, why
