"""The worker of `/ws/voice` in the example `assistant`: `trunkline-worker examples/assistant/voice.py:worker`.

Purpose: makes the worker that the environment describes.

- `VOICE_FOLDER`: the WAV files that can be named; by default `data/assistant/sounds`. Where there is none, it is made with one in it.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

from trunkline import Worker

from voice_agent import make_worker
from wav import write_wav

RATE: Final = 16_000


def from_environment() -> Worker:
    """Gives the worker that the environment describes."""
    folder = Path(os.environ.get("VOICE_FOLDER") or "data/assistant/sounds")
    if not folder.exists():
        folder.mkdir(parents=True)
        tone = (0.3 * math.sin(2 * math.pi * 220 * at / RATE) if at < RATE else 0.0 for at in range(RATE * 3 // 2))
        (folder / "tone-and-silence.wav").write_bytes(write_wav(tone, RATE))
    return make_worker(folder)


worker = from_environment()
