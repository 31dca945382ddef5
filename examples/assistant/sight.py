"""What somebody sees on a page.

Purpose: composes an answer from the lines that were read: what it is headed, what asks for attention, what is new since the last look.
Plain rules on real text; where the lines come from is not known here.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, Final, NamedTuple

from page_reading import Line

HEADING_RATIO: Final = 1.35
"""A line is a heading where it is so many times as high as most lines are."""
LINES_MAX: Final = 200
_ATTENTION: Final = re.compile(
    r"\b(?:overdue|late|fail(?:ed|ing|ure)?|errors?|warnings?|down|blocked|critical|urgent|missing|offline)\b", re.IGNORECASE
)


class Changes(NamedTuple):
    """What came and went since the last look."""

    added: list[str]
    removed: list[str]


def compose(title: str, lines: Sequence[Line], before: Sequence[str] | None) -> dict[str, Any]:
    """Gives the analysis of a page; `before` is what was read of it at the last look."""
    texts = [line.text for line in lines]
    headings = _headings(lines)
    attention = [text for text in texts if _ATTENTION.search(text)]
    changes = _changes(before, texts) if before is not None else None
    analysis: dict[str, Any] = {
        "summary": _summary(title, texts, headings, attention, changes),
        "headings": headings,
        "attention": attention,
        "text": "\n".join(texts),
        "word_count": sum(len(text.split()) for text in texts),
        "confidence": round(statistics.fmean(line.confidence for line in lines), 3) if lines else 0,
        "lines": [line._asdict() for line in lines[:LINES_MAX]],
    }
    return analysis if changes is None else {**analysis, "changes": changes._asdict()}


def _headings(lines: Sequence[Line]) -> list[str]:
    if not lines:
        return []
    usual = statistics.median(line.height for line in lines)
    return [line.text for line in lines if line.height >= HEADING_RATIO * usual]


def _changes(before: Sequence[str], now: Sequence[str]) -> Changes:
    added: list[str] = []
    removed: list[str] = []
    for tag, old_start, old_end, new_start, new_end in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if tag != "equal":
            removed += before[old_start:old_end]
            added += now[new_start:new_end]
    return Changes(added, removed)


def _summary(title: str, texts: list[str], headings: list[str], attention: list[str], changes: Changes | None) -> str:
    if not texts:
        return f"{title} shows no text that I can read."
    said = [f"{title} shows {_count(len(texts), 'line')} of text"]
    said[0] += f", headed “{headings[0]}”." if headings else "."
    if attention:
        verb = "asks" if len(attention) == 1 else "ask"
        named = "; ".join(text.rstrip(".") for text in attention)
        said.append(f"{_count(len(attention), 'line')} {verb} for attention: {named}.")
    if changes is not None:
        said.append(_news(changes))
    return " ".join(said)


def _news(changes: Changes) -> str:
    if not (changes.added or changes.removed):
        return "Nothing changed since I last looked."
    parts = []
    if changes.added:
        parts.append(f"new: {'; '.join(changes.added)}")
    if changes.removed:
        parts.append(f"gone: {'; '.join(changes.removed)}")
    return f"Since I last looked, {' — '.join(parts)}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
