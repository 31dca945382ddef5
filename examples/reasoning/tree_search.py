"""A search in a tree of thoughts.

Purpose: from a problem's start, follows each thought by its best few next ones, level by level, until one is a solution or the tree is deep
enough. What a thought is, and how good, is the problem's (`numbers_game.py`, `water_jugs.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

WIDTH_MAX: Final = 20_000
"""How many thoughts of one level are followed at most; the best ones."""


class Problem(Protocol):
    """What can be searched: states, what can follow them, and how near they are to a solution."""

    @property
    def words(self) -> str:
        """The problem in words."""

    def start(self) -> Any:
        """The first state."""

    def next(self, state: Any) -> Iterator[tuple[Any, str]]:
        """The states that can follow one, each with what was done."""

    def key(self, state: Any) -> Hashable:
        """What makes two states the same."""

    def distance(self, state: Any) -> float:
        """How far a state is from a solution; 0 is one. Smaller is nearer, as far as anybody can tell."""


@dataclass(frozen=True)
class Thought:
    """One node of the tree."""

    state: Any
    distance: float
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Level:
    """What is known after one more level."""

    depth: int
    followed: int
    """How many thoughts are followed on."""
    looked_at: int
    """How many were looked at since the start."""
    best: Thought
    """The nearest to a solution so far."""

    @property
    def is_solved(self) -> bool:
        """Whether the best thought is a solution."""
        return self.best.distance == 0


def search(problem: Problem, *, max_depth: int, branches: int, check: Callable[[], None] = lambda: None) -> Iterator[Level]:
    """Gives the levels of the search; the last one has the solution, or the best there is. `check` is called often, and may raise."""
    first = Thought(problem.start(), problem.distance(problem.start()))
    seen = {problem.key(first.state)}
    level, best, looked_at = [first], first, 1
    for depth in range(1, max_depth + 1):
        children: list[Thought] = []
        for thought in level:
            check()
            following = [
                Thought(state, problem.distance(state), (*thought.path, words))
                for state, words in problem.next(thought.state)
                if problem.key(state) not in seen
            ]
            looked_at += len(following)
            following.sort(key=lambda child: child.distance)
            for child in following[:branches]:
                seen.add(problem.key(child.state))
                children.append(child)
        level = sorted(children, key=lambda child: child.distance)[:WIDTH_MAX]
        if level and level[0].distance < best.distance:
            best = level[0]
        yield Level(depth, len(level), looked_at, best)
        if best.distance == 0 or not level:
            return
