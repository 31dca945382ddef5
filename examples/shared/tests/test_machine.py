"""The machine's counters."""

from __future__ import annotations

from pathlib import Path

import pytest

from machine import MachineUnknown, measure


async def test_this_machine(tmp_path: Path) -> None:
    load = await measure(tmp_path)
    assert all(0 <= value <= 100 for value in load)
    assert load.memory > 0
    assert load.disk > 0


async def test_memory_is_what_is_not_available(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  10 0 10 80 0 0 0 0 0 0\n")
    (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n")
    load = await measure(tmp_path, counters=tmp_path)
    assert load.memory == 75.0
    assert load.cpu == 0.0, "the counters stand still"


async def test_a_machine_without_counters(tmp_path: Path) -> None:
    with pytest.raises(MachineUnknown):
        await measure(tmp_path, counters=tmp_path)
