"""What a value must be, and what is said of one that is not.

Purpose: the kinds of shapes that the generated table has, each with its check. A check raises :class:`Wrong` with its words; whoever
walks an array or object adds the step that led there. Values are what JSON is read into. No message type is known here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from trunkline.messages._words import counted, quoted, spelled

NESTED_MAX: Final = 128
"""Most arrays and objects within each other in a value that no shape describes."""


class Wrong(Exception):
    """A value is not what its shape says."""

    def __init__(self, words: str) -> None:
        """Takes what is wrong; the steps that led there come one by one, from the last."""
        super().__init__(words)
        self.words = words
        self._steps: list[str | int] = []

    def within(self, step: str | int) -> Wrong:
        """Adds the field or element in which it was found."""
        self._steps.append(step)
        return self

    @property
    def path(self) -> str:
        """The way to the value."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in reversed(self._steps))
        return "".join(steps).removeprefix(".")


class TooDeep(Exception):
    """Something has more arrays and objects within each other than anybody reads."""


class Shape(Protocol):
    """What a value must be."""

    expected: str
    """What such a value is called."""
    kind: str
    """The JSON kind of such a value; `any` or `nothing` for all or none."""

    def check(self, value: Any) -> None:
        """Raises Wrong unless the value is of this shape."""


class Anything:
    """Any JSON."""

    expected = "a value"
    kind = "any"

    def check(self, value: Any) -> None:
        """Raises TooDeep."""
        _require_shallow(value)


class Plain:
    """A value of a kind that has no rules: `null`, a boolean, or a field that must not be there."""

    def __init__(self, kind: str) -> None:
        """Takes the kind."""
        self.expected = self.kind = kind

    def check(self, value: Any) -> None:
        """Raises Wrong for another kind."""
        if _kind(value) != self.kind:
            raise _mismatch(self, value)


class Number:
    """A number in a range, both ends included."""

    kind = "number"

    def __init__(self, expected: str, least: float | None, most: float | None) -> None:
        """`expected` is `integer` or `number`."""
        self.expected = expected
        self._least = least
        self._most = most

    def check(self, value: Any) -> None:
        """Raises Wrong."""
        if _kind(value) != "number":
            raise _mismatch(self, value)
        number = _float(value)
        if self.expected == "integer" and not number.is_integer():
            raise _mismatch(self, value)
        if self._least is not None and number < self._least:
            raise Wrong(f"expected at least {spelled(self._least)}, got {spelled(number)}")
        if self._most is not None and number > self._most:
            raise Wrong(f"expected at most {spelled(self._most)}, got {spelled(number)}")


class Text:
    """A string; lengths count code points."""

    kind = "string"

    def __init__(self, least: int, most: int | None, pattern: str | None) -> None:
        """The pattern is JSON Schema's."""
        self.is_empty = most == 0
        """Whether it is the empty text alone."""
        self.expected = "the empty text" if self.is_empty else "string"
        self._least = least
        self._most = most
        self._pattern = pattern
        # Python's `$` matches before a line feed, too.
        self._compiled = None if pattern is None else re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern))

    def check(self, value: Any) -> None:
        """Raises Wrong."""
        if not isinstance(value, str):
            raise _mismatch(self, value)
        _require_bounds(len(value), self._least, self._most, "character")
        if self._compiled is not None and self._compiled.search(value) is None:
            raise Wrong(f"expected a text that matches {self._pattern}, got {quoted(value)}")


class Choice:
    """One of some strings, or exactly one value."""

    def __init__(self, values: Sequence[str] | str | bool) -> None:
        """Takes the strings; or the one value, a string or a boolean."""
        self._values: Sequence[str | bool] = [values] if isinstance(values, str | bool) else values
        self.kind = _kind(self._values[0])
        if isinstance(values, bool):
            self.expected = str(values).lower()
        else:
            self.expected = quoted(values) if isinstance(values, str) else f"one of {', '.join(values)}"

    def check(self, value: Any) -> None:
        """Raises Wrong."""
        if _kind(value) != self.kind:
            raise _mismatch(self, value)
        if value not in self._values:
            raise Wrong(f"expected {self.expected}, got {quoted(value) if isinstance(value, str) else str(value).lower()}")


class Array:
    """A list whose elements have one shape."""

    expected = "array"
    kind = "array"

    def __init__(self, items: Shape, least: int, most: int | None) -> None:
        """Takes the shape of each element, and how many there may be."""
        self._items = items
        self._least = least
        self._most = most

    def check(self, value: Any) -> None:
        """Raises Wrong."""
        if not isinstance(value, list):
            raise _mismatch(self, value)
        for index, item in enumerate(value):
            try:
                self._items.check(item)
            except Wrong as wrong:
                raise wrong.within(index) from None
        _require_bounds(len(value), self._least, self._most, "item")


class Rule(Protocol):
    """A rule about several fields of one object."""

    def check(self, value: dict[str, Any]) -> None:
        """Raises Wrong."""


class Object:
    """A map; fields that it does not name are allowed."""

    expected = "object"
    kind = "object"

    def __init__(
        self,
        fields: Sequence[tuple[str, Shape, bool]],
        others: Shape,
        *,
        least: int = 0,
        most: int | None = None,
        rules: Sequence[Rule] = (),
    ) -> None:
        """Takes name, shape and whether it is required of each field, and the shape of all others."""
        self._fields = {name: shape for name, shape, _ in fields}
        self._required = [name for name, _, required in fields if required]
        self._others = others
        self._least = least
        self._most = most
        self._rules = rules

    def check(self, value: Any) -> None:
        """Raises Wrong: faults come in the order of the fields, what is missing after them."""
        if not isinstance(value, dict):
            raise _mismatch(self, value)
        for name, member in value.items():
            try:
                self._fields.get(name, self._others).check(member)
            except Wrong as wrong:
                raise wrong.within(name) from None
        for name in self._required:
            if name not in value:
                raise missing(name)
        _require_bounds(len(value), self._least, self._most, "field")
        for rule in self._rules:
            rule.check(value)


class Union:
    """Values of several JSON kinds, each with a shape of its own."""

    kind = "union"

    def __init__(self, shapes: Sequence[Shape]) -> None:
        """Takes at most one shape for each kind."""
        self.expected = " or ".join(shape.expected for shape in shapes)
        self._by_kind = {shape.kind: shape for shape in shapes}

    def check(self, value: Any) -> None:
        """Raises Wrong."""
        shape = self._by_kind.get(_kind(value))
        if shape is None:
            raise _mismatch(self, value)
        if value and isinstance(shape, Text) and shape.is_empty:
            raise Wrong(f"expected {self.expected}, got {quoted(value)}")
        shape.check(value)


class AtLeastOne:
    """One of some fields is there, or more."""

    def __init__(self, names: Sequence[str]) -> None:
        """Takes the fields."""
        self._names = names

    def check(self, value: dict[str, Any]) -> None:
        """Raises Wrong."""
        if not any(name in value for name in self._names):
            raise Wrong(f"expected at least one of {', '.join(self._names)}, got none")


class ExactlyOne:
    """One of some fields is there, and no other of them."""

    def __init__(self, names: Sequence[str]) -> None:
        """Takes the fields."""
        self._names = names

    def check(self, value: dict[str, Any]) -> None:
        """Raises Wrong."""
        found = [name for name in self._names if name in value]
        if len(found) != 1:
            raise Wrong(f"expected exactly one of {', '.join(self._names)}, got {', '.join(found) or 'none'}")


class When:
    """Which fields must be there depends on the value of one; if that is left out, it counts as having the value."""

    def __init__(self, field: str, value: str | bool, then: Sequence[str], otherwise: Sequence[str]) -> None:
        """Takes the field, its value, and what is needed if it has that value, and if not."""
        self._field = field
        self._value = value
        self._then = then
        self._otherwise = otherwise

    def check(self, value: dict[str, Any]) -> None:
        """Raises Wrong."""
        found = value.get(self._field, self._value)
        holds = type(found) is type(self._value) and found == self._value
        for name in self._then if holds else self._otherwise:
            if name not in value:
                raise missing(name)


def missing(name: str) -> Wrong:
    """Gives what is said of a field that is not there."""
    return Wrong("missing").within(name)


def build(rows: Sequence[dict[str, Any]]) -> list[Shape]:
    """Puts shapes together from the rows of the table, each of which refers to earlier ones by their place."""
    shapes: list[Shape] = []
    for row in rows:
        shapes.append(_BUILDERS[row["kind"]](row, shapes))
    return shapes


def _build_object(row: dict[str, Any], shapes: Sequence[Shape]) -> Shape:
    fields = [(name, shapes[place], required) for name, place, required in row["fields"]]
    others = shapes[row["others"]] if "others" in row else Anything()
    rules = [_RULES[rule["rule"]](rule) for rule in row.get("rules", ())]
    return Object(fields, others, least=row.get("least", 0), most=row.get("most"), rules=rules)


_BUILDERS: Final[dict[str, Callable[[dict[str, Any], Sequence[Shape]], Shape]]] = {
    "any": lambda row, shapes: Anything(),
    "nothing": lambda row, shapes: Plain("nothing"),
    "null": lambda row, shapes: Plain("null"),
    "boolean": lambda row, shapes: Plain("boolean"),
    "integer": lambda row, shapes: Number("integer", row["least"], row["most"]),
    "number": lambda row, shapes: Number("number", row["least"], row["most"]),
    "text": lambda row, shapes: Text(row["least"], row["most"], row["pattern"]),
    "choice": lambda row, shapes: Choice(row["values"]),
    "literal": lambda row, shapes: Choice(row["value"]),
    "array": lambda row, shapes: Array(shapes[row["items"]], row["least"], row["most"]),
    "object": _build_object,
    "union": lambda row, shapes: Union([shapes[place] for place in row["shapes"]]),
}
_RULES: Final[dict[str, Callable[[dict[str, Any]], Rule]]] = {
    "at_least_one": lambda row: AtLeastOne(row["names"]),
    "exactly_one": lambda row: ExactlyOne(row["names"]),
    "when": lambda row: When(row["field"], row["is"], row["then"], row["otherwise"]),
}


def _kind(value: Any) -> str:
    """Names the JSON kind of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _mismatch(shape: Shape, value: Any) -> Wrong:
    kind = _kind(value)
    got = "integer" if kind == "number" and _float(value).is_integer() else kind
    return Wrong(f"expected {shape.expected}, got {got}")


def _float(value: float) -> float:
    """Gives the number as every language reads it; what is too large for a float is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def _require_bounds(found: int, least: int, most: int | None, noun: str) -> None:
    if found < least:
        raise Wrong(f"expected at least {counted(least, noun)}, got {found}")
    if most is not None and found > most:
        raise Wrong(f"expected at most {counted(most, noun)}, got {found}")


def _require_shallow(value: Any, depth: int = 0) -> None:
    if not isinstance(value, dict | list):
        return
    if depth == NESTED_MAX and value:
        raise TooDeep
    for member in value.values() if isinstance(value, dict) else value:
        _require_shallow(member, depth + 1)
