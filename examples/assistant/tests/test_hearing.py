"""What is measured of sounds whose properties are known."""

from __future__ import annotations

import contextlib
import math
import random
import wave
from io import BytesIO

import pytest

from hearing import describe, facts, measure, note
from wav import NoSound, Sound, read_wav, write_wav

RATE = 16_000


def sine(frequency_hz: float, amplitude: float, seconds: float, rate: int = RATE) -> list[float]:
    return [amplitude * math.sin(2 * math.pi * frequency_hz * at / rate) for at in range(round(seconds * rate))]


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_a_sine_has_its_pitch_and_level(rate: int) -> None:
    frequency_hz, amplitude = random.uniform(80, 600), random.uniform(0.05, 1)  # noqa: S311
    measured = measure(read_wav(write_wav(sine(frequency_hz, amplitude, 0.5, rate), rate)))
    assert measured.pitch_hz == pytest.approx(frequency_hz, rel=0.01)
    assert measured.level_dbfs == pytest.approx(20 * math.log10(amplitude / math.sqrt(2)), abs=0.2)
    assert measured.peak_dbfs == pytest.approx(20 * math.log10(amplitude), abs=0.2)
    assert measured.duration_s == pytest.approx(0.5, abs=0.001)
    assert measured.silence_share == 0


def test_a_voice_like_sound_has_the_pitch_of_its_first_partial() -> None:
    partials = [sine(110 * number, 0.3 / number, 0.4) for number in range(1, 12)]
    assert measure(Sound([sum(values) for values in zip(*partials, strict=True)], RATE, 1)).pitch_hz == pytest.approx(110, rel=0.01)


def test_silence_is_counted() -> None:
    seconds = random.choice([0.2, 0.5, 1.5])  # noqa: S311
    measured = measure(Sound(sine(200, 0.5, 0.5) + [0.0] * round(seconds * RATE), RATE, 1))
    assert measured.silence_share == pytest.approx(seconds / (seconds + 0.5), abs=0.03)
    assert measured.pitch_hz == pytest.approx(200, rel=0.01)


def test_noise_has_no_pitch() -> None:
    noise = random.Random(7)  # noqa: S311
    measured = measure(Sound([noise.uniform(-0.5, 0.5) for _ in range(RATE)], RATE, 1))
    assert measured.pitch_hz is None
    assert measured.level_dbfs == pytest.approx(20 * math.log10(0.5 / math.sqrt(3)), abs=0.2)


def test_nothing_is_silence() -> None:
    measured = measure(Sound([0.0] * RATE, RATE, 1))
    assert (measured.level_dbfs, measured.silence_share, measured.pitch_hz) == (-120, 1, None)
    assert describe(measured) == "1.0 s of silence."


def test_words() -> None:
    told = facts(Sound(sine(440, 1.0, 1), RATE, 1))
    assert told["summary"] == "1.0 s at -3.0 dBFS, about 440 Hz (A4), no silence."
    assert [note(frequency) for frequency in (261.6, 440, 466.2, 82.4)] == ["C4", "A4", "A#4", "E2"]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_width_and_two_channels(width: int) -> None:
    full = 2 ** (8 * width - 1)
    frames = bytearray()
    for sample in sine(300, 0.5, 0.3):
        left = round(sample * (full - 1)) + (128 if width == 1 else 0)
        right = 128 if width == 1 else 0
        frames += left.to_bytes(width, "little", signed=width > 1) + right.to_bytes(width, "little", signed=width > 1)
    content = BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((2, width, RATE, 0, "NONE", ""))
        file.writeframes(bytes(frames))
    measured = measure(read_wav(content.getvalue()))
    assert measured.pitch_hz == pytest.approx(300, rel=0.01)
    assert measured.level_dbfs == pytest.approx(-15.05, abs=0.2), "one silent channel of two halves the amplitude"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no uncompressed WAV"),
        (b"RIFF\x00\x00\x00\x00WAVE", "no uncompressed WAV"),
        (b"no sound at all, not even a little", "no uncompressed WAV"),
        (write_wav([], RATE), "empty"),
        (write_wav([0.0], 1_000), "sample rate is 1000"),
        (write_wav([0.0] * (61 * 4_000), 4_000), "longer than 60 s"),
    ],
)
def test_what_is_no_sound(content: bytes, reason: str) -> None:
    with pytest.raises(NoSound, match=reason):
        read_wav(content)


def test_random_bytes_never_break_it() -> None:
    good = write_wav(sine(300, 0.5, 0.05), RATE)
    for _ in range(300):
        content = bytearray(good)
        for _ in range(random.randrange(1, 6)):  # noqa: S311
            content[random.randrange(44)] = random.randrange(256)  # noqa: S311
        with contextlib.suppress(NoSound):
            measure(read_wav(bytes(content)))
