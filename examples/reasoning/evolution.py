"""Evolution of how the numbers game is played.

Purpose: looks for weights with which a narrow search solves more games, generation by generation: tournaments, crossing, mutation, and the
two fittest live on. What it found is measured on games that it has not seen.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from numbers_game import PLAIN, NumbersGame, Weights, random_game
from tree_search import search

GAMES: Final = 16
"""Games that variants are bred on; as many that the best of them is chosen by, and as many that it is measured on."""
FINALISTS: Final = 4
BRANCHES: Final = 2
"""Narrow, so that good judgement matters."""
DEPTH: Final = 5
ELITE: Final = 2
VARIANTS_SHOWN: Final = 3
SPREAD: Final = Weights(left=10, factor=30, gap=1, near=1)
"""How far apart the first variants are, and how far a mutation goes."""
_WORDS: Final = {
    "left": ("keeps numbers for later", "uses numbers up early"),
    "factor": ("keeps numbers that divide the target", "gives away numbers that divide the target"),
    "gap": ("shuns pairs that are one step from the target", "looks for pairs that are one step from the target"),
    "near": ("distrusts the nearest number", "trusts the nearest number"),
}
Check = Callable[[], None]


class Parameters(msgspec.Struct):
    """The parameters of `start_evolution`."""

    population_size: Annotated[int, msgspec.Meta(ge=4, le=64)] = 12
    generations: Annotated[int, msgspec.Meta(ge=1, le=200)] = 8
    mutation_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.4
    seed: int | None = None
    """Makes a run repeatable."""


class Variant(NamedTuple):
    """One way to play."""

    fitness: float
    weights: Weights


class Generation(NamedTuple):
    """What is known after a generation."""

    number: int
    variants: list[Variant]
    """The fittest first."""
    mutation_success_rate: float
    selection_pressure: int
    """How many variants take part in a tournament."""

    @property
    def mean(self) -> float:
        """The fitness of all on average."""
        return sum(variant.fitness for variant in self.variants) / len(self.variants)


class Evolution:
    """One evolution."""

    def __init__(self, parameters: Parameters) -> None:
        """Takes the parameters."""
        self._parameters = parameters
        self._random = random.Random(parameters.seed)  # noqa: S311
        self._bred_on, self._chosen_by, self._unseen = ([random_game(self._random) for _ in range(GAMES)] for _ in range(3))

    def generations(self, check: Check) -> Iterator[Generation]:
        """Gives generation 0, which has the usual way to play among random ones, and those that follow. `check` may raise."""
        others = (self._mutated(PLAIN, rate=1.0) for _ in range(self._parameters.population_size - 1))
        variants = sorted((Variant(played(self._bred_on, one, check).fitness, one) for one in [PLAIN, *others]), reverse=True)
        pressure = 3
        yield Generation(0, variants, 0.0, pressure)
        for number in range(1, self._parameters.generations + 1):
            before = variants[0].fitness
            variants, success_rate = self._next(variants, pressure, check)
            pressure = 3 if variants[0].fitness > before else 2  # where nothing is gained, the less fit get a chance
            yield Generation(number, variants, success_rate, pressure)

    def outcome(self, last: Generation, check: Check) -> dict[str, Any]:
        """Gives what came of it: the variants, and how well the chosen one plays games that decided nothing. `check` may raise."""
        finalists = [*last.variants[:FINALISTS], Variant(0.0, PLAIN)]  # the usual way stays where nothing is better
        chosen = max(finalists, key=lambda variant: played(self._chosen_by, variant.weights, check).fitness)
        before, after = (played(self._unseen, weights, check) for weights in (PLAIN, chosen.weights))
        variants = [chosen, *(variant for variant in last.variants if variant.weights != chosen.weights)]
        shown = [
            {"id": f"v{at}", "fitness": round(variant.fitness, 4), "weights": _readable(variant.weights)}
            for at, variant in enumerate(variants[:VARIANTS_SHOWN], 1)
        ]
        improvement = {
            "games": len(self._unseen),
            "solved_before": before.solved,
            "solved_after": after.solved,
            "fitness_before": round(before.fitness, 4),
            "fitness_after": round(after.fitness, 4),
        }
        return {"variants": shown, "improvement": improvement, "tool_enhancements": _enhancements(chosen.weights)}

    def _next(self, variants: list[Variant], pressure: int, check: Check) -> tuple[list[Variant], float]:
        children: list[tuple[Weights, float]] = []
        while len(children) < len(variants) - ELITE:
            mother, father = self._winner(variants, pressure), self._winner(variants, pressure)
            crossed = Weights(*(self._random.choice(pair) for pair in zip(mother.weights, father.weights, strict=True)))
            children.append((self._mutated(crossed, self._parameters.mutation_rate), max(mother.fitness, father.fitness)))
        born = [Variant(played(self._bred_on, weights, check).fitness, weights) for weights, _ in children]
        better = sum(child.fitness > parent for child, (_, parent) in zip(born, children, strict=True))
        return sorted([*variants[:ELITE], *born], reverse=True), round(better / len(born), 3)

    def _winner(self, variants: list[Variant], pressure: int) -> Variant:
        return max(self._random.sample(variants, pressure))

    def _mutated(self, weights: Weights, rate: float) -> Weights:
        genes = (
            gene + self._random.gauss(0, spread) if self._random.random() < rate else gene
            for gene, spread in zip(weights, SPREAD, strict=True)
        )
        return Weights(*genes)


class Score(NamedTuple):
    """How well games were played: 1 for a solved one, less for one that came near."""

    fitness: float
    solved: int


def played(games: Sequence[NumbersGame], weights: Weights, check: Check) -> Score:
    """Plays games by these weights."""
    fitness, solved = 0.0, 0
    for game in games:
        *_, last = search(NumbersGame(game.target, game.numbers, weights), max_depth=DEPTH, branches=BRANCHES, check=check)
        miss = min(abs(game.target - number) for number in last.best.state)
        fitness += 1 / (1 + miss)
        solved += miss == 0
    return Score(fitness / len(games), solved)


def _readable(weights: Weights) -> dict[str, float]:
    return {name: round(value, 3) for name, value in weights._asdict().items()}


def _enhancements(weights: Weights) -> list[str]:
    changed = [(name, value - getattr(PLAIN, name)) for name, value in weights._asdict().items()]
    return [f"search: {_WORDS[name][change > 0]} ({name} {change:+.2f})" for name, change in changed if abs(change) >= 0.01]
