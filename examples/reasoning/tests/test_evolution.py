"""Evolution of how games are played."""

from __future__ import annotations

import pytest

from evolution import Evolution, Generation, Parameters, played
from numbers_game import PLAIN, NumbersGame, Weights


def nothing() -> None: ...


def run(parameters: Parameters) -> tuple[list[Generation], dict[str, object]]:
    evolution = Evolution(parameters)
    generations = list(evolution.generations(nothing))
    return generations, evolution.outcome(generations[-1], nothing)


def test_the_fittest_get_fitter_and_are_measured_on_new_games() -> None:
    generations, outcome = run(Parameters(population_size=8, generations=4, seed=1))
    best = [generation.variants[0].fitness for generation in generations]
    assert best == sorted(best), "the fittest live on"
    assert best[-1] > best[0]
    assert all(len(generation.variants) == 8 for generation in generations)
    assert all(0 <= generation.mutation_success_rate <= 1 for generation in generations)
    improvement = outcome["improvement"]
    assert isinstance(improvement, dict)
    assert improvement["solved_after"] > improvement["solved_before"]


def test_parameters_decide() -> None:
    generations, _ = run(Parameters(population_size=5, generations=2, seed=3))
    assert [generation.number for generation in generations] == [0, 1, 2]
    assert len(generations[0].variants) == 5


def test_without_mutation_nothing_new_is_born() -> None:
    generations, _ = run(Parameters(population_size=5, generations=2, mutation_rate=0, seed=3))
    genes = [{gene for variant in generations[0].variants for gene in variant.weights}]
    assert {gene for variant in generations[-1].variants for gene in variant.weights} <= genes[0]


def test_a_seed_repeats_it() -> None:
    parameters = Parameters(population_size=4, generations=1, seed=11)
    assert run(parameters) == run(parameters)
    assert run(parameters) != run(Parameters(population_size=4, generations=1, seed=12))


def test_a_game_that_is_solved_counts_one() -> None:
    assert played([NumbersGame(10, (2, 5))], PLAIN, nothing) == (1.0, 1)
    assert played([NumbersGame(11, (2, 5))], Weights(), nothing) == (0.5, 0)


def test_a_check_can_stop_it() -> None:
    def check() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        list(Evolution(Parameters()).generations(check))
