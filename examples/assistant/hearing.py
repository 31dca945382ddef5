"""What a sound is like: how loud, how high, how much of it is silence.

Purpose: figures from samples. Levels are in dBFS: 0 is the loudest possible square wave, so that a full sine has -3.0. Where the sound
comes from, and what is said in it, is not known here.
"""

from __future__ import annotations

import math
import statistics
from typing import Any, Final, NamedTuple

from wav import Sound

FLOOR_DBFS: Final = -120.0
"""What nothing at all measures."""
SILENCE_DBFS: Final = -50.0
"""A frame below this level is silence."""
FRAME_S: Final = 0.02
PITCH_HZ_MIN: Final = 60.0
PITCH_HZ_MAX: Final = 1_000.0
PITCH_RATE: Final = 8_000
"""Pitch is looked for in about so many samples a second."""
PITCH_FRAME_S: Final = 0.04
PITCH_FRAMES_MAX: Final = 24
"""The loudest frames decide; more of them change little."""
PITCH_APERIODICITY_MAX: Final = 0.15
"""How much of a frame may differ from itself one period later (the threshold of YIN, de Cheveigné and Kawahara 2002)."""
_NOTES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


class Measurement(NamedTuple):
    """What a sound is like."""

    duration_s: float
    level_dbfs: float
    peak_dbfs: float
    silence_share: float
    pitch_hz: float | None


def measure(sound: Sound) -> Measurement:
    """Measures a sound."""
    samples = sound.samples
    frame = max(1, round(FRAME_S * sound.rate))
    levels = [_level(samples[at : at + frame]) for at in range(0, len(samples), frame)]
    pitch = _pitch(sound)
    return Measurement(
        duration_s=round(sound.duration_s, 3),
        level_dbfs=round(_level(samples), 1),
        peak_dbfs=round(_decibels(max(map(abs, samples))), 1),
        silence_share=round(sum(level < SILENCE_DBFS for level in levels) / len(levels), 3),
        pitch_hz=None if pitch is None else round(pitch, 1),
    )


def describe(measured: Measurement) -> str:
    """Says it in words."""
    if measured.silence_share == 1:
        return f"{measured.duration_s:.1f} s of silence."
    pitch = "no clear pitch" if measured.pitch_hz is None else f"about {measured.pitch_hz:.0f} Hz ({note(measured.pitch_hz)})"
    quiet = "no silence" if measured.silence_share == 0 else f"{100 * measured.silence_share:.0f} % silence"
    return f"{measured.duration_s:.1f} s at {measured.level_dbfs:.1f} dBFS, {pitch}, {quiet}."


def note(frequency_hz: float) -> str:
    """Gives the nearest note, with A4 at 440 Hz."""
    number = round(69 + 12 * math.log2(frequency_hz / 440))
    return f"{_NOTES[number % 12]}{number // 12 - 1}"


def facts(sound: Sound) -> dict[str, Any]:
    """Gives everything about a sound, as a message has it."""
    measured = measure(sound)
    return {"summary": describe(measured), "sample_rate": sound.rate, "channels": sound.channels, **measured._asdict()}


def _level(samples: list[float]) -> float:
    return _decibels(math.sqrt(sum(sample * sample for sample in samples) / len(samples)))


def _decibels(amplitude: float) -> float:
    return max(FLOOR_DBFS, 20 * math.log10(amplitude)) if amplitude > 0 else FLOOR_DBFS


def _pitch(sound: Sound) -> float | None:
    step = max(1, sound.rate // PITCH_RATE)
    samples, rate = _thinned(sound.samples, step), sound.rate / step
    width, lag_max = round(PITCH_FRAME_S * rate), math.ceil(rate / PITCH_HZ_MIN)
    starts = range(0, len(samples) - width - lag_max, width)
    loudest = sorted(starts, key=lambda at: -_level(samples[at : at + width]))[:PITCH_FRAMES_MAX]
    frames = [samples[at : at + width + lag_max] for at in loudest if _level(samples[at : at + width]) >= SILENCE_DBFS]
    periods = [period for frame in frames if (period := _period(frame, width, lag_max, rate)) is not None]
    return rate / statistics.median(periods) if 2 * len(periods) > len(frames) else None


def _thinned(samples: list[float], step: int) -> list[float]:
    """Averages every `step` samples, which also takes away most of what is too high for the lower rate."""
    return [sum(samples[at : at + step]) / step for at in range(0, len(samples) - step + 1, step)]


def _period(frame: list[float], width: int, lag_max: int, rate: float) -> float | None:
    """The period of a frame in samples: the first lag at which the frame is nearly itself again (YIN)."""
    head = frame[:width]
    lag_min = math.floor(rate / PITCH_HZ_MAX)
    differences = [0.0]
    normal = [1.0]
    total = 0.0
    for lag in range(1, lag_max + 1):
        differences.append(sum((left - right) ** 2 for left, right in zip(head, frame[lag : lag + width], strict=True)))
        total += differences[lag]
        normal.append(differences[lag] * lag / total if total else 1.0)
    for lag in range(max(lag_min, 2), lag_max):
        if normal[lag] < PITCH_APERIODICITY_MAX and normal[lag] <= normal[lag + 1]:
            return lag + _offset(*differences[lag - 1 : lag + 2])
    return None


def _offset(before: float, at: float, after: float) -> float:
    """Where between the lags the lowest point is, on a parabola through three of them."""
    bend = before - 2 * at + after
    return 0.5 * (before - after) / bend if bend else 0.0
