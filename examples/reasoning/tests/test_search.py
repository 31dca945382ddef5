"""Searches, checked by doing what they found."""

from __future__ import annotations

import random
import re

import pytest

from numbers_game import NumbersGame, Weights, random_game
from numbers_game import read_task as read_game
from tree_search import Level, Problem, search
from water_jugs import WaterJugs
from water_jugs import read_task as read_jugs

HARD = "reach 788 with 6 7 8 9 25 50"


def last_level(problem: Problem | None, *, max_depth: int, branches: int) -> Level:
    assert problem is not None
    *_, last = search(problem, max_depth=max_depth, branches=branches)
    return last


def left_after(numbers: list[int], path: tuple[str, ...]) -> list[int]:
    """Does what the steps of a numbers game say, with the numbers that there are."""
    for step in path:
        match = re.fullmatch(r"(\d+) ([-+*/]) (\d+) = (\d+)", step)
        assert match is not None, step
        left, right, result = int(match[1]), int(match[3]), int(match[4])
        numbers.remove(left)
        numbers.remove(right)
        value = {"+": left + right, "-": left - right, "*": left * right, "/": left / right}[match[2]]
        assert value == result, step
        numbers.append(result)
    return numbers


def test_a_found_way_leads_to_the_target() -> None:
    games = [random_game(random.Random(seed)) for seed in range(20)]  # noqa: S311
    solved = 0
    for game in games:
        last = last_level(game, max_depth=5, branches=12)
        left = left_after(list(game.numbers), last.best.path)
        assert (game.target in left) == last.is_solved
        solved += last.is_solved
    assert solved >= 10


def test_the_television_game_is_solved() -> None:
    last = last_level(read_game("Reach 952 with 25, 50, 75, 100, 3 and 6, please"), max_depth=5, branches=12)
    assert last.is_solved
    assert 952 in left_after([25, 50, 75, 100, 3, 6], last.best.path)


@pytest.mark.parametrize(("max_depth", "branches", "solved"), [(5, 2, False), (5, 12, True), (3, 12, False)])
def test_depth_and_branches_decide_what_is_found(max_depth: int, branches: int, solved: bool) -> None:
    last = last_level(read_game(HARD), max_depth=max_depth, branches=branches)
    assert last.is_solved is solved
    assert last.depth <= max_depth


def test_weights_decide_what_a_narrow_search_finds() -> None:
    target, numbers = 285, (2, 6, 9, 9, 10, 100)
    assert not last_level(NumbersGame(target, numbers), max_depth=5, branches=2).is_solved
    judged = NumbersGame(target, numbers, Weights(left=6, factor=20, gap=0.5))
    last = last_level(judged, max_depth=5, branches=2)
    assert target in left_after(list(numbers), last.best.path)


def test_levels_come_one_by_one_and_get_no_worse() -> None:
    game = read_game(HARD)
    assert game is not None
    levels = list(search(game, max_depth=5, branches=4))
    assert [level.depth for level in levels] == [1, 2, 3, 4, 5]
    distances = [level.best.distance for level in levels]
    assert distances == sorted(distances, reverse=True)


def test_jugs_measure_what_was_asked() -> None:
    task = read_jugs("measure 4 litres with jugs of 3 and 5")
    last = last_level(task, max_depth=12, branches=10)
    assert last.is_solved
    assert len(last.best.path) == 6, "the shortest way"
    assert 4 in last.best.state


def test_what_cannot_be_measured_ends() -> None:
    last = last_level(WaterJugs(3, (2, 4, 6)), max_depth=30, branches=100)
    assert not last.is_solved
    assert last.depth < 30, "there is nothing left to look at"


def test_a_check_can_stop_it() -> None:
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 100:
            raise TimeoutError

    game = read_game("reach 9999 with 1 2 3 4 5 6 7 8")
    assert game is not None
    with pytest.raises(TimeoutError):
        list(search(game, max_depth=7, branches=1000, check=check))


@pytest.mark.parametrize(
    "text", ["hello", "reach 7 with 0", "reach 7 with 1 2 3 4 5 6 7 8 9", "reach 99999 with 1 2", "reach 0 with 1", "reach with 1 2"]
)
def test_what_is_no_game(text: str) -> None:
    assert read_game(text) is None


@pytest.mark.parametrize("text", ["hello", "measure 4 with jugs of 1 2 3 4 5", "measure 0 l with jugs 3 5", "measure 4 l with jugs of 999"])
def test_what_is_no_task_for_jugs(text: str) -> None:
    assert read_jugs(text) is None
