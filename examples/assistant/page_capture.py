"""Pictures of pages, taken by a headless Chromium.

Purpose: gives a page as a PNG. Each picture has a browser process and a profile of its own, which reaches the page's own host and no other.
What the picture shows is not known here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

WIDTH: Final = 1280
HEIGHT: Final = 900
TIMEOUT_S: Final = 30.0
"""How long a picture may take, on a busy machine."""
ARGUMENTS: Final = (
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--virtual-time-budget=3000",  # the page's scripts and timers have that long, in its own time
    f"--window-size={WIDTH},{HEIGHT}",
)


class CaptureFailed(Exception):
    """There is no picture, for a reason that a person may see."""


async def capture(url: str, *, chromium: str) -> bytes:
    """Gives the page at `url` as a PNG. Raises CaptureFailed."""
    with tempfile.TemporaryDirectory(prefix="trunkline-capture-") as home:
        picture = Path(home) / "page.png"
        await _run(chromium, *ARGUMENTS, *_privileges(), *_reach(url), f"--user-data-dir={home}/profile", f"--screenshot={picture}", url)
        try:
            return picture.read_bytes()
        except FileNotFoundError:
            raise CaptureFailed("the browser took no picture of the page") from None


def _reach(url: str) -> list[str]:
    host = urlsplit(url).hostname
    return [f"--host-resolver-rules=MAP * ~NOTFOUND{f', EXCLUDE {host}' if host else ''}"]


def _privileges() -> list[str]:
    """Chromium refuses to run its sandbox as root."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []


async def _run(*argv: str) -> None:
    try:
        browser = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise CaptureFailed(f"the browser {argv[0]} cannot be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(TIMEOUT_S):
            exit_code = await browser.wait()
    except TimeoutError:
        raise CaptureFailed(f"the page took longer than {TIMEOUT_S:.0f} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):  # the browser's own processes, whatever became of it
            os.killpg(browser.pid, signal.SIGKILL)
        await browser.wait()
    if exit_code != 0:
        raise CaptureFailed(f"the browser ended with {exit_code}")
