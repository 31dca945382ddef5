"""The voice handler: figures of a sound.

Purpose: serves `request_voice_analysis` (service `voice`) for a WAV file that comes with the message or lies in one folder.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final

import msgspec
from trunkline import BadRequest, Run, Worker

from hearing import facts
from wav import NoSound, read_wav

FILE_BYTES_MAX: Final = 16 * 1024 * 1024


class Hear(msgspec.Struct):
    """The message `request_voice_analysis`: a WAV file in Base64, or the name of one in the folder."""

    audio: bytes | None = None  # msgspec decodes Base64
    file: str | None = None


def make_worker(folder: Path) -> Worker:
    """Gives a worker that measures sounds; those in `folder` can be named."""
    worker = Worker("voice", concurrency=2)

    @worker.service("voice")
    async def voice(hear: Hear, run: Run) -> dict[str, Any]:
        began = time.monotonic()
        name, content = _content(folder, hear)
        await run.progress(f"Listening to {name}", stage="measuring")
        measured = await asyncio.to_thread(_measure, content)
        took = {"took_s": round(time.monotonic() - began, 3)}
        return {"type": "voice_analysis", "file": name, **measured, **took}

    return worker


def _content(folder: Path, hear: Hear) -> tuple[str, bytes]:
    if (hear.audio is None) == (hear.file is None):
        raise BadRequest("a sound is needed: in `audio`, or as the name of a `file`")
    if hear.audio is not None:
        return "the sound", hear.audio
    path = (folder / str(hear.file)).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise BadRequest(f"there is no sound {hear.file} in the folder")
    if path.stat().st_size > FILE_BYTES_MAX:
        raise BadRequest(f"{hear.file} has more than {FILE_BYTES_MAX} bytes")
    return str(hear.file), path.read_bytes()


def _measure(content: bytes) -> dict[str, Any]:
    try:
        return facts(read_wav(content))
    except NoSound as reason:
        raise BadRequest(str(reason)) from reason
