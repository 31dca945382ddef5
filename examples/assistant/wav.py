"""Sound in WAV files.

Purpose: bytes to samples and back. Only uncompressed PCM of 8, 16, 24 or 32 bits, as the standard library reads it. What the sound is like
is not known here.
"""

from __future__ import annotations

import io
import sys
import wave
from array import array
from collections.abc import Iterable
from typing import Final, NamedTuple

DURATION_S_MAX: Final = 60.0
RATE_MIN: Final = 4_000
RATE_MAX: Final = 192_000
CHANNELS_MAX: Final = 16


class NoSound(ValueError):
    """The bytes are no sound that can be measured, for a reason that a person may see."""


class Sound(NamedTuple):
    """Samples from -1 to 1, of all channels together."""

    samples: list[float]
    rate: int
    channels: int

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate


def read_wav(content: bytes) -> Sound:
    """Reads a WAV file; its channels are averaged. Raises NoSound."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            if not RATE_MIN <= rate <= RATE_MAX:
                raise NoSound(f"the sample rate is {rate}: {RATE_MIN} to {RATE_MAX}")
            if not (1 <= width <= 4 and 1 <= channels <= CHANNELS_MAX):
                raise NoSound(f"{8 * width} bits and {channels} channels: 8 to 32, and 1 to {CHANNELS_MAX}")
            if file.getnframes() > DURATION_S_MAX * rate:
                raise NoSound(f"the sound is longer than {DURATION_S_MAX:.0f} s")
            values = _values(file.readframes(file.getnframes()), width)
    except (wave.Error, EOFError, RuntimeError) as error:  # RuntimeError: a chunk that claims to go beyond the end
        raise NoSound(f"this is no uncompressed WAV file: {error}".rstrip(": ")) from error
    if len(values) < channels:
        raise NoSound("the sound is empty")
    full = channels * 2 ** (8 * width - 1)
    samples = values if channels == 1 else [sum(values[at : at + channels]) for at in range(0, len(values) - channels + 1, channels)]
    return Sound([value / full for value in samples], rate, channels)


def write_wav(samples: Iterable[float], rate: int) -> bytes:
    """Writes samples from -1 to 1 as a WAV file of one channel with 16 bits."""
    values = array("h", (round(max(-1.0, min(1.0, sample)) * 32_767) for sample in samples))
    if sys.byteorder == "big":
        values.byteswap()
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(values.tobytes())
    return content.getvalue()


def _values(data: bytes, width: int) -> list[int]:
    if width == 1:  # without a sign
        return [value - 128 for value in data]
    if width == 3:
        return [int.from_bytes(data[at : at + 3], "little", signed=True) for at in range(0, len(data) - 2, 3)]
    values = array("h" if width == 2 else "i", data[: len(data) // width * width])
    if sys.byteorder == "big":
        values.byteswap()
    return values.tolist()
