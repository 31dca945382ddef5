"""Measuring with jugs: reach an amount of water by filling, emptying and pouring.

Purpose: its states and what can follow them, for `tree_search.py`.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from typing import Final

JUGS_MAX: Final = 4
LITRES_MAX: Final = 200
_TASK: Final = re.compile(
    r"\bmeasure\s+(?P<target>\d+)\s*(?:l|litres?|liters?)?\s+with\s+(?:jugs?|buckets?)\s+(?:of\s+)?(?P<jugs>\d+(?:(?:\s*,\s*|\s+and\s+|\s+)\d+)*)",
    re.IGNORECASE,
)
State = tuple[int, ...]


class WaterJugs:
    """One task."""

    def __init__(self, target: int, jugs: State) -> None:
        """Takes the amount to measure, and how much each jug holds."""
        self.target = target
        self.jugs = jugs

    @property
    def words(self) -> str:
        """The task in words."""
        return f"measure {self.target} l with jugs of {', '.join(map(str, self.jugs))} l"

    def start(self) -> State:
        """All jugs are empty."""
        return (0,) * len(self.jugs)

    def next(self, state: State) -> Iterator[tuple[State, str]]:
        """A jug is filled, emptied, or poured into another."""
        for jug, amount in enumerate(state):
            size = self.jugs[jug]
            if amount < size:
                yield _with(state, {jug: size}), f"fill the {size} l jug"
            if amount > 0:
                yield _with(state, {jug: 0}), f"empty the {size} l jug"
                yield from self._pour(state, jug)

    def key(self, state: State) -> Hashable:
        """What is in the jugs."""
        return state

    def distance(self, state: State) -> float:
        """How far the nearest jug is from the amount."""
        return float(min(abs(self.target - amount) for amount in state))

    def _pour(self, state: State, source: int) -> Iterator[tuple[State, str]]:
        for target, size in enumerate(self.jugs):
            moved = min(state[source], size - state[target])
            if target != source and moved > 0:
                words = f"pour {moved} l from the {self.jugs[source]} l jug into the {size} l jug"
                yield _with(state, {source: state[source] - moved, target: state[target] + moved}), words


def read_task(text: str) -> WaterJugs | None:
    """Reads `measure 4 litres with jugs of 3 and 5`; None where the text is something else, or too much."""
    match = _TASK.search(text)
    if match is None:
        return None
    target, jugs = int(match["target"]), tuple(map(int, re.findall(r"\d+", match["jugs"])))
    fits = len(jugs) <= JUGS_MAX and 0 < target <= LITRES_MAX and all(0 < jug <= LITRES_MAX for jug in jugs)
    return WaterJugs(target, jugs) if fits else None


def _with(state: State, changes: dict[int, int]) -> State:
    return tuple(changes.get(jug, amount) for jug, amount in enumerate(state))
