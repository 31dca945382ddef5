"""Values in the words of a fault, as every language of the contract writes them.

Purpose: strings, numbers and counts. It does not know shapes.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Final

SHOWN_MAX: Final = 64
"""Most characters of a value that words repeat."""
PLAIN_DIGITS_MAX: Final = 21
"""ECMAScript writes numbers with more digits before the point in scientific notation."""
PLAIN_ZEROS_MAX: Final = 5
"""And those with more zeros behind it."""


def quoted(text: str) -> str:
    """Gives a string as JSON, cut where it is long."""
    shown = text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "…"
    return json.dumps(shown, ensure_ascii=False)


def counted(count: int, noun: str) -> str:
    """Gives `1 character`, `2 characters`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def spelled(number: float) -> str:
    """Gives a number as ECMAScript writes it."""
    sign = "-" if number < 0 else ""
    if math.isinf(number):
        return f"{sign}Infinity"
    # The shortest digits that mean this number, and how many of them stand before the point.
    _, shortest, exponent = Decimal(repr(abs(number))).normalize().as_tuple()
    assert isinstance(exponent, int), "the number is finite"  # noqa: S101 - infinity was left out above
    digits = "".join(map(str, shortest))
    return sign + _laid_out(digits, len(digits) + exponent)


def _laid_out(digits: str, point: int) -> str:
    if len(digits) <= point <= PLAIN_DIGITS_MAX:
        return digits.ljust(point, "0")
    if 0 < point <= PLAIN_DIGITS_MAX:
        return f"{digits[:point]}.{digits[point:]}"
    if -PLAIN_ZEROS_MAX <= point <= 0:
        return f"0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{rest}e{point - 1:+d}"
