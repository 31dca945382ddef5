"""The numbers game: reach a number with some others, each used at most once, and + - * /.

Purpose: its states and what can follow them, for `tree_search.py`. How a state is judged has weights, which `evolution.py` looks for.
"""

from __future__ import annotations

import random
import re
from collections.abc import Hashable, Iterator
from itertools import combinations
from typing import Final, NamedTuple

NUMBERS_MAX: Final = 8
NUMBER_MAX: Final = 10_000
LARGE: Final = (25, 50, 75, 100)
_NUMBERS: Final = r"\d+(?:(?:\s*,\s*|\s+and\s+|\s+)\d+)*"
_TASK: Final = re.compile(rf"\b(?:reach|make|get)\s+(?P<target>\d+)\s+(?:with|from|using|out of)\s+(?P<numbers>{_NUMBERS})", re.IGNORECASE)


class Weights(NamedTuple):
    """How a state is judged: each says how much something counts beside the distance of the nearest number."""

    left: float = 0.0
    """For each number that is left: below 0 prefers to keep numbers, above 0 to use them up."""
    factor: float = 0.0
    """For a number that divides the target: below 0 prefers to keep it."""
    gap: float = 0.0
    """For the smallest number that, added to or taken from another, gives the target."""
    near: float = 1.0
    """For the distance of the nearest number."""


PLAIN: Final = Weights()
"""The nearest number alone."""
State = tuple[int, ...]


class NumbersGame:
    """One game."""

    def __init__(self, target: int, numbers: State, weights: Weights = PLAIN) -> None:
        """Takes the number to reach, and those to reach it with."""
        self.target = target
        self.numbers = tuple(sorted(numbers))
        self.weights = weights

    @property
    def words(self) -> str:
        """The game in words."""
        return f"reach {self.target} with {', '.join(map(str, self.numbers))}"

    def start(self) -> State:
        """All numbers."""
        return self.numbers

    def next(self, state: State) -> Iterator[tuple[State, str]]:
        """Two numbers become one; results that are no positive whole numbers, and those that change nothing, are left out."""
        for left, right in combinations(range(len(state)), 2):
            small, large = state[left], state[right]
            rest = state[:left] + state[left + 1 : right] + state[right + 1 :]
            for value, words in _results(small, large):
                yield tuple(sorted((*rest, value))), words

    def key(self, state: State) -> Hashable:
        """The numbers that are left."""
        return state

    def distance(self, state: State) -> float:
        """How far it is, by the weights; 0 where the target is there."""
        nearest = min(abs(self.target - number) for number in state)
        if nearest == 0:
            return 0.0
        weights = self.weights
        judged = weights.near * nearest + weights.left * len(state)
        if weights.factor:
            judged += weights.factor * sum(number > 1 and self.target % number == 0 for number in state)
        if weights.gap:
            judged += weights.gap * min((abs(abs(self.target - one) - other) for one, other in combinations(state, 2)), default=self.target)
        return max(judged, 0.0) + 1e-9


def read_task(text: str) -> NumbersGame | None:
    """Reads `reach 765 with 1 2 3 …`; None where the text is something else, or too much."""
    match = _TASK.search(text)
    if match is None:
        return None
    target, numbers = int(match["target"]), tuple(map(int, re.findall(r"\d+", match["numbers"])))
    fits = len(numbers) <= NUMBERS_MAX and all(0 < number <= NUMBER_MAX for number in (target, *numbers))
    return NumbersGame(target, numbers) if fits else None


def random_game(random_source: random.Random) -> NumbersGame:
    """Gives a game as on television: one or two large numbers, four or five small ones."""
    large = random_source.sample(LARGE, random_source.choice((1, 2)))
    small = random_source.choices(range(1, 11), k=6 - len(large))
    return NumbersGame(random_source.randrange(101, 1_000), (*large, *small))


def _results(small: int, large: int) -> Iterator[tuple[int, str]]:
    yield large + small, f"{large} + {small} = {large + small}"
    if large != small:
        yield large - small, f"{large} - {small} = {large - small}"
    if small > 1:
        yield large * small, f"{large} * {small} = {large * small}"
        if large % small == 0:
            yield large // small, f"{large} / {small} = {large // small}"
