"""Arithmetic in plain numbers.

Purpose: gives the value of a term such as `(12 + 4.5) * 3`, exactly where it can. It evaluates nothing but numbers and `+ - * / // % **`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Final

TERM_CHARACTERS_MAX: Final = 200
DIGITS_MAX: Final = 200
"""Longest number on the way; a larger one is refused before it is made."""

_BINARY: Final[dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda left, right: Fraction(left // right),
    ast.Mod: operator.mod,
}


class NotCalculable(ValueError):
    """The term has no value, for a reason that a person may see."""


def calculate(term: str) -> str:
    """Gives the value in words of numbers. Raises NotCalculable."""
    if len(term) > TERM_CHARACTERS_MAX:
        raise NotCalculable(f"the term has more than {TERM_CHARACTERS_MAX} characters")
    try:
        tree = ast.parse(term.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise NotCalculable("the term is not complete, or has something in it that is no number") from error
    return spell(_value(tree.body))


def spell(value: Fraction) -> str:
    """Spells a number: whole, with all of its decimals where they end, else with six."""
    if value.denominator == 1:
        return str(value.numerator)
    for places in range(1, 13):
        if (value * 10**places).denominator == 1:
            sign, digits = ("-" if value < 0 else ""), str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
            return f"{sign}{digits[:-places]}.{digits[-places:]}"
    return f"about {float(value):.6g}"


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return Fraction(str(number))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=kind, right=right) if type(kind) in _BINARY:
            return _checked(_BINARY[type(kind)], _value(left), _value(right))
        case _:
            raise NotCalculable("only numbers and + - * / // % ** can be calculated")


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise NotCalculable("an exponent must be whole")
    digits = max(len(str(base.numerator)), len(str(base.denominator))) * abs(exponent.numerator)
    if digits > DIGITS_MAX:
        raise NotCalculable(f"the number would have more than {DIGITS_MAX} digits")
    if base == 0 and exponent < 0:
        raise NotCalculable("zero has no such power")
    return Fraction(base**exponent.numerator)


def _checked(operation: Callable[[Fraction, Fraction], Fraction], left: Fraction, right: Fraction) -> Fraction:
    try:
        value = operation(left, right)
    except ZeroDivisionError as error:
        raise NotCalculable("nothing can be divided by zero") from error
    if max(len(str(value.numerator)), len(str(value.denominator))) > DIGITS_MAX:
        raise NotCalculable(f"the number would have more than {DIGITS_MAX} digits")
    return value
