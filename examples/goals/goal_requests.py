"""What a person wants, read from plain words.

Purpose: a message becomes a goal with a plan, something to calculate, or neither. There is no language model. It does not know how
anything is done.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_GOALS: Final = [
    ("archive", re.compile(r"\b(?:archive|pack|compress|tidy|clean)\b.*\blogs?\b", re.IGNORECASE)),
    ("report", re.compile(r"\b(?:report|count|summari[sz]e)\b.*\b(?:texts?|notes?|words?)\b", re.IGNORECASE)),
]
_ASKING: Final = re.compile(r"(?:please|calculate|compute|what(?:'s| is)|how much is)\s+", re.IGNORECASE)
_TERM: Final = re.compile(r"[-+*/%.()\d\s]*\d\s*[-+*/%][-+*/%.()\d\s]*")


class Goal(NamedTuple):
    """Something that a plan is there for."""

    plan: str
    words: str


class Calculation(NamedTuple):
    """A term of numbers."""

    term: str


def understand(message: str) -> Goal | Calculation | None:
    """Reads a message; None where it is neither."""
    words = " ".join(message.split())
    for plan, pattern in _GOALS:
        if pattern.search(words):
            return Goal(plan, words)
    term = _ASKING.sub("", words).rstrip("?=.! ")
    return Calculation(term) if _TERM.fullmatch(term) else None
