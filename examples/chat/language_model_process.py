"""Starts the language model's process, waits for it, ends it.

Purpose: `async with ModelProcess() as process` has a model for as long as the block lasts. It does not know what is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

LOAD_DEADLINE_S: Final = 180.0
"""How long loading may take. It takes 0.4 to 5 s, and many times that on a busy machine with a cold disk."""
END_DEADLINE_S: Final = 3.0
"""How long the process may take to end when it is told to."""
_SERVER: Final = Path(__file__).with_name("language_model_server.py")


class ModelUnavailable(Exception):
    """The model's process cannot be used; a new one may work."""


class Endpoint(msgspec.Struct, frozen=True):
    """Where a server with OpenAI's API is."""

    url: str
    """Without a path."""
    key: str
    """The API key."""


class ModelProcess:
    """One process with a language model. It does not come back when it ends: whoever runs the worker starts both again."""

    def __init__(self, *command: str) -> None:
        """Takes another command than that of the model's server, for tests. Nothing runs yet."""
        self._command = command or (sys.executable, str(_SERVER))
        self._process: Process | None = None
        self._loading: asyncio.Task[Endpoint] | None = None

    async def __aenter__(self) -> Self:
        """Starts the process; the model loads in the background. Raises OSError where it cannot be started."""
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE)
        self._loading = asyncio.create_task(_announcement(self._process), name="language model loading")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Ends the process."""
        process, loading = self._started()
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), END_DEADLINE_S)
        except TimeoutError:
            _kill(process)
            await process.wait()

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._started()[0].returncode is not None

    async def endpoint(self) -> Endpoint:
        """Waits until the model is loaded. Raises ModelUnavailable where it never will be."""
        return await asyncio.shield(self._started()[1])

    async def ended(self) -> int:
        """Waits until the process ends and gives its exit code."""
        return await self._started()[0].wait()

    def _started(self) -> tuple[Process, asyncio.Task[Endpoint]]:
        if self._process is None or self._loading is None:
            raise RuntimeError("use the process as `async with ModelProcess() as process`")
        return self._process, self._loading


async def _announcement(process: Process) -> Endpoint:
    if process.stdout is None:
        raise RuntimeError("the process has no stdout")
    try:
        line = await asyncio.wait_for(process.stdout.readline(), LOAD_DEADLINE_S)
    except (TimeoutError, ValueError):
        _kill(process)
        raise ModelUnavailable("the language model did not load in time") from None
    try:
        return msgspec.json.decode(line, type=Endpoint)
    except msgspec.DecodeError:
        _kill(process)
        raise ModelUnavailable("the language model could not be loaded") from None


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended by itself
        process.kill()
