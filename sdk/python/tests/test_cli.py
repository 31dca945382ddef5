"""The command, as a process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway import UnixGateway
from trunkline._protocol import Kind

SOURCE = """
import asyncio
from trunkline import Worker

worker = Worker("agents")
no_worker = 3

@worker.service("wait")
async def wait():
    yield "waiting"
    await asyncio.Event().wait()

@worker.service("stubborn")
async def stubborn():
    yield "waiting"
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "agents.py").write_text(SOURCE)
    return tmp_path


@contextlib.asynccontextmanager
async def command(folder: Path, *arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    program = [sys.executable, "-m", "trunkline.cli", *arguments]
    process = await asyncio.create_subprocess_exec(*program, cwd=folder, env={**os.environ, **environment}, stderr=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def outcome(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    _, errors = await process.communicate()
    return process.returncode, errors.decode()


async def test_a_signal_drains_and_ends_with_success(folder: Path) -> None:
    async with UnixGateway(folder / "s") as gateway, command(folder, "agents:worker", TRUNKLINE_BRIDGE=gateway.address) as process:
        peer = await gateway.accept()
        await peer.welcome()
        corr = await peer.call("wait", run="r7")
        await peer.expect(Kind.CHUNK)
        process.send_signal(signal.SIGTERM)
        await peer.expect(Kind.DRAIN)
        await peer.send(Kind.CANCEL, corr)
        assert (await peer.expect(Kind.ERROR)).meta["code"] == "cancelled"
        await peer.send(Kind.CREDIT, corr, ack=2)
        code, errors = await outcome(process)
    assert code == 0
    assert " info trunkline run cancelled run=r7 service=wait reason=asked ended=cancelled took_ms=" in errors


async def test_a_second_signal_ends_at_once(folder: Path) -> None:
    async with UnixGateway(folder / "s") as gateway, command(folder, "agents:worker", "--bridge", gateway.address) as process:
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("stubborn")
        await peer.expect(Kind.CHUNK)
        process.send_signal(signal.SIGINT)
        await peer.expect(Kind.DRAIN)
        process.send_signal(signal.SIGINT)
        code, errors = await outcome(process)
    assert code == 128 + signal.SIGINT
    assert "worker ends at once signal=SIGINT" in errors


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("agents", "'agents' is not of the form module:worker"),
        ("nowhere:worker", "there is no module 'nowhere' in "),
        ("agents:nothing", "agents has no 'nothing'; its workers: agents:worker"),
        ("agents:no_worker", "agents:no_worker is a int, not a Worker"),
        ("agents:worker", "no bridge address"),
    ],
)
async def test_a_mistake_is_named(folder: Path, place: str, reason: str) -> None:
    async with command(folder, place, TRUNKLINE_BRIDGE="") as process:
        code, errors = await outcome(process)
    assert code == 2
    assert reason in errors
    assert "Traceback" not in errors
