"""How busy this machine is, from Linux's own counters.

Purpose: processor, memory and disk in percent. It keeps nothing between two questions.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Final, NamedTuple

SAMPLE_S: Final = 0.2
"""How long the processor is watched for one answer."""


class MachineUnknown(Exception):
    """This machine has no counters that this program can read."""


class Load(NamedTuple):
    """From 0 to 100 each."""

    cpu: float
    memory: float
    disk: float


async def measure(folder: Path, counters: Path = Path("/proc")) -> Load:
    """Measures; the disk is that of `folder`. Raises MachineUnknown."""
    try:
        before = _cpu(counters)
        await asyncio.sleep(SAMPLE_S)
        after = _cpu(counters)
        memory = _memory(counters)
    except (OSError, KeyError, ValueError) as error:
        raise MachineUnknown("this machine has no /proc/stat and /proc/meminfo") from error
    total, idle = (new - old for new, old in zip(after, before, strict=True))
    disk = shutil.disk_usage(folder)
    return Load(_percent(total - idle, total), memory, _percent(disk.used, disk.used + disk.free))


def _cpu(counters: Path) -> tuple[int, int]:
    """All ticks since the start, and the idle ones (`man 5 proc_stat`); guest time stands in the other columns already."""
    ticks = [int(column) for column in (counters / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4]


def _memory(counters: Path) -> float:
    lines = (line.split(":") for line in (counters / "meminfo").read_text().splitlines())
    kibibytes = {name: int(value.split()[0]) for name, value in lines}
    total = kibibytes["MemTotal"]
    return _percent(total - kibibytes["MemAvailable"], total)


def _percent(part: int, whole: int) -> float:
    return round(min(max(100 * part / whole, 0.0), 100.0), 1) if whole > 0 else 0.0
