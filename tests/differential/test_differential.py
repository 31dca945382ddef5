"""Every language says the same of the same frame: whether it is accepted, and if not, where and why.

The programs that say so read the same cases from stdin and write a line for each (`verdicts.py` says which); Rust's is the example
`verdicts` of `trunkline-catalogue`, whose path is told in TRUNKLINE_VERDICTS.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from corpus import DIALECTS, Case, cases
from trunkline.messages import check

HERE: Final = Path(__file__).parent
SHOWN_MAX: Final = 10
"""Most differences that a failing test shows."""

Verdict = dict[str, str] | None


@cache
def all_cases() -> Sequence[Case]:
    """Gives the cases."""
    return tuple(cases())


def program(language: str) -> list[str]:
    """Gives the program that says what a language's check says."""
    if language == "python":
        return [sys.executable, str(HERE / "verdicts.py")]
    if language == "typescript":
        return ["node", str(HERE / "verdicts.mjs")]
    path = os.environ.get("TRUNKLINE_VERDICTS")
    assert path, "TRUNKLINE_VERDICTS is not set (cargo build --example verdicts, then its path); `make test-differential` sets it"
    return [path]


@cache
def verdicts(language: str) -> list[Verdict]:
    """Gives what a language says of each case."""
    lines = "".join(json.dumps(case._asdict()) + "\n" for case in all_cases())
    done = subprocess.run(program(language), input=lines.encode(), stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own programs
    return [json.loads(line) for line in done.stdout.splitlines()]


def differences(asked: Sequence[Case], one: Sequence[Verdict], other: Sequence[Verdict]) -> Iterator[tuple[Case, Verdict, Verdict]]:
    """Gives the cases of which two languages say different things.

    A text that is no JSON may be refused for something that stands before the place where it ends to be JSON, and each reader of JSON has
    words of its own; so it need only be refused.
    """
    for case, left, right in zip(asked, one, other, strict=True):
        is_broken = left is not None and right is not None and "not_json" in (left["kind"], right["kind"])
        if left != right and not is_broken:
            yield case, left, right


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_every_language_says_what_rust_says(language: str) -> None:
    found = list(differences(all_cases(), verdicts("rust"), verdicts(language)))
    shown = "\n".join(f"{case}\n  rust: {left}\n  {language}: {right}" for case, left, right in found[:SHOWN_MAX])
    assert not found, f"{len(found)} differences:\n{shown}"


def test_the_cases_are_of_every_kind() -> None:
    kinds = Counter(None if verdict is None else verdict["kind"] for verdict in verdicts("rust"))
    least = {None: 1_000, "content": 5_000, "unknown": 1_000, "direction": 1_000, "not_json": 500}
    assert kinds.keys() == least.keys()
    assert all(kinds[kind] >= count for kind, count in least.items()), kinds
    words = [verdict["words"] for verdict in verdicts("rust") if verdict is not None]
    for part in (
        "missing",
        "at least 1 character",
        "at most",
        "matches",
        "one of",
        "exactly one",
        "at least one",
        "nothing",
        "true",
        "item",
    ):
        assert any(part in said for said in words), part


def test_the_cases_are_always_the_same() -> None:
    assert all_cases() == tuple(cases())


def test_differences_are_found() -> None:
    case = Case("payload", "client", "{}")
    missing = {"kind": "content", "path": "type", "words": "missing"}
    broken = {"kind": "not_json", "path": "", "words": "no JSON"}
    others: list[Verdict] = [None, {**missing, "path": ""}, {**missing, "words": "gone"}]
    assert [list(differences([case], [missing], [other])) for other in others] == [[(case, missing, other)] for other in others]
    assert list(differences([case], [broken], [None])) == [(case, broken, None)]
    assert not list(differences([case, case], [missing, broken], [missing, missing]))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("library", ["messages", "models"])
def test_structs_and_models_accept_what_the_check_accepts(library: str, dialect: Any) -> None:
    module = importlib.import_module(f"trunkline.{library}.{dialect}")
    types = importlib.import_module(f"trunkline.messages.{dialect}").TYPES
    own = {name for name, kind in types.items() if not kind.local}
    found = []
    for case in (case for case in all_cases() if case.dialect == dialect):
        fault = check(dialect, case.frame)
        # A type that the dialect only carries has its struct in native; and libraries have bounds of their own for what is deep.
        if fault is not None and "within each other" in fault.words:
            continue
        if fault is None and json.loads(case.frame)["type"] not in own:
            continue
        accepted = accepts(module.decode, case.frame)
        if accepted != (fault is None):
            found.append((case.frame, str(fault)))
    assert not found, found[:SHOWN_MAX]


def accepts(decode: Callable[[str], object], text: str) -> bool:
    """Says whether a library reads a text."""
    try:
        decode(text)
    except (ValueError, msgspec.DecodeError, RecursionError):
        return False
    return True
