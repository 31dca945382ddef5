"""The voice handler on the SDK's own test kit."""

from __future__ import annotations

import base64
import math
from pathlib import Path

import pytest
from trunkline import CallFailed
from trunkline.testing import TestClient

from voice_agent import make_worker
from wav import write_wav


def tone(frequency_hz: float) -> bytes:
    return write_wav((0.5 * math.sin(2 * math.pi * frequency_hz * at / 16_000) for at in range(8_000)), 16_000)


async def test_a_sound_in_the_message_and_one_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "low.wav").write_bytes(tone(120))
    async with TestClient(make_worker(tmp_path)) as client:
        requests = ({"audio": base64.b64encode(tone(330)).decode()}, {"file": "low.wav"})
        answers = [await client.run("voice", request) for request in requests]
    assert [answer["type"] for answer in answers] == ["voice_analysis"] * 2
    assert [answer["pitch_hz"] for answer in answers] == pytest.approx([330, 120], rel=0.01)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({}, "a sound is needed"),
        ({"audio": "", "file": "low.wav"}, "a sound is needed"),
        ({"audio": "bm8gc291bmQ="}, "no uncompressed WAV"),
        ({"audio": "%%%"}, "base64"),
        ({"file": "../secret.wav"}, "there is no sound"),
        ({"file": "missing.wav"}, "there is no sound"),
    ],
)
async def test_what_is_refused(tmp_path: Path, request_: dict[str, str], reason: str) -> None:
    folder = tmp_path / "sounds"
    folder.mkdir()
    (tmp_path / "secret.wav").write_bytes(tone(120))
    async with TestClient(make_worker(folder)) as client:
        with pytest.raises(CallFailed, match=f"bad_request.*{reason}"):
            await client.run("voice", request_)
