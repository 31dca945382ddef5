"""What there is to say about a piece of Python.

Purpose: reads code without running it, and tells its functions, how branched they are, and mistakes that can be seen. Who asks is not known
here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

BRANCHES_MAX: Final = 10
"""More ways through a function than that are hard to follow."""
_FENCE: Final = re.compile(r"```(?:python|py)?\n(.*?)```", re.DOTALL)
_BRANCHING: Final = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.comprehension, ast.match_case)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Review(NamedTuple):
    """What was seen."""

    is_code: bool
    words: str
    remarks: list[str]


def review(text: str) -> Review:
    """Reviews the code in a message: what stands in a fence, or all of it."""
    fenced = _FENCE.search(text)
    code = fenced[1] if fenced else text
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        place = f" in line {line}" if line else ""
        return Review(False, f"That is no Python that can run{place}: {getattr(error, 'msg', error)}.", [])
    functions = [node for node in ast.walk(tree) if isinstance(node, _Function)]
    remarks = sorted(set(_remarks(tree, functions)))
    lines = len(code.splitlines())
    named = ", ".join(f"{function.name} ({_ways(function)})" for function in functions)
    words = f"{lines} line{'s' if lines != 1 else ''}, {len(functions)} function{'s' if len(functions) != 1 else ''}"
    words += f" with so many ways through: {named}." if named else "."
    words += " " + (" ".join(f"Line {line}: {remark}." for line, remark in remarks) if remarks else "I see no mistake.")
    return Review(True, words, [f"line {line}: {remark}" for line, remark in remarks])


def _remarks(tree: ast.Module, functions: list[_Function]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.ExceptHandler(type=None):
                yield node.lineno, "a bare `except` also catches what should end the program"
            case ast.Compare(ops=[ast.Eq() | ast.NotEq()], comparators=[ast.Constant(value=None)]):
                yield node.lineno, "compare with None by `is`"
            case ast.Call(func=ast.Name(id="eval" | "exec" as name)):
                yield node.lineno, f"`{name}` runs whatever it is given"
    yield from _unused_imports(tree)
    for function in functions:
        yield from _of_function(function)


def _of_function(function: _Function) -> Iterator[tuple[int, str]]:
    ways = _ways(function)
    if ways > BRANCHES_MAX:
        yield function.lineno, f"`{function.name}` has {ways} ways through it; split it"
    for default in [*function.args.defaults, *filter(None, function.args.kw_defaults)]:
        if isinstance(default, ast.List | ast.Dict | ast.Set):
            yield default.lineno, f"the default value in `{function.name}` is shared by all calls"
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for node in function.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id not in used:
            yield node.lineno, f"`{node.targets[0].id}` is never used"


def _unused_imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name = (alias.asname or alias.name).split(".")[0]
                if name != "*" and name not in used:
                    yield node.lineno, f"`{name}` is imported and never used"


def _ways(function: _Function) -> int:
    """McCabe's number: one, and one for each place where the way parts."""
    nodes = list(ast.walk(function))
    parting = sum(isinstance(node, _BRANCHING) for node in nodes)
    return 1 + parting + sum(len(node.values) - 1 for node in nodes if isinstance(node, ast.BoolOp))
