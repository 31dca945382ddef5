"""What is seen in code."""

from __future__ import annotations

import pytest

from code_review import review


@pytest.mark.parametrize(
    ("code", "remark"),
    [
        ("try:\n    f()\nexcept:\n    pass", "line 3: a bare `except` also catches what should end the program"),
        ("if x == None:\n    pass", "line 1: compare with None by `is`"),
        ("eval(x)", "line 1: `eval` runs whatever it is given"),
        ("import os, sys\nsys.exit()", "line 1: `os` is imported and never used"),
        ("def f(a=[]):\n    return a", "line 1: the default value in `f` is shared by all calls"),
        ("def f():\n    a = 1\n    return 2", "line 2: `a` is never used"),
        ("def f(a):\n" + "    if a: return 1\n" * 10, "line 1: `f` has 11 ways through it; split it"),
    ],
)
def test_mistakes_are_seen(code: str, remark: str) -> None:
    assert review(code).remarks == [remark]


def test_good_code_is_told_as_such() -> None:
    seen = review("Look:\n```python\ndef double(number):\n    return number * 2\n```\nIs it good?")
    assert seen == (True, "2 lines, 1 function with so many ways through: double (1). I see no mistake.", [])


def test_broken_code_is_told_with_its_line() -> None:
    seen = review("def f(:\n  pass")
    assert not seen.is_code
    assert "in line 1" in seen.words


def test_code_is_never_run(capsys: pytest.CaptureFixture[str]) -> None:
    review("print('I was run')")
    assert capsys.readouterr().out == ""
    assert not review("(" * 5_000).is_code
