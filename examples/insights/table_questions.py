"""Questions about a table, read from plain words.

Purpose: `average revenue by region` becomes a measure, a column and a group. There is no language model; what is not understood is said.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from data_table import Column, Kind, Table
from summary import Series, by_group, spell, whole

_MEASURES: Final = {
    "sum": r"sum|total|how much|altogether",
    "average": r"average|mean|on average|typical",
    "median": r"median",
    "smallest": r"smallest|lowest|minimum|min|least|cheapest",
    "largest": r"largest|highest|biggest|maximum|max|most|best",
    "number": r"how many|number of|count",
}


class Answer(NamedTuple):
    """What is said, and the picture beside it."""

    words: str
    series: Series | None


class NotUnderstood(ValueError):
    """The question cannot be read, for a reason that a person may see."""


def answer(table: Table, question: str) -> Answer:
    """Answers a question about a table. Raises NotUnderstood."""
    measure = next((name for name, pattern in _MEASURES.items() if re.search(rf"\b(?:{pattern})\b", question, re.IGNORECASE)), None)
    before, _, after = question.partition(" by ") if " by " in question else question.partition(" per ")
    value = _named(table.of_kind(Kind.NUMBER), before)
    group = _named(table.columns, after) or (_first_date(table) if re.search(r"\b(?:month|time)\b", after, re.IGNORECASE) else None)
    if measure is None or (value is None and measure != "number"):
        raise NotUnderstood(_hint(table))
    if value is None and group is None:
        return Answer(f"The table has {table.rows} rows.", None)
    value = value or table.of_kind(Kind.NUMBER)[0]
    if group is None:
        figure = whole(value, measure)
        return Answer(f"The {measure} of {value.name} is {'unknown' if figure is None else spell(figure)}.", None)
    series = by_group(group, value, measure)
    if not series.labels:
        raise NotUnderstood(f"no row has both {value.name} and {group.name}")
    figures = "; ".join(f"{label} {spell(figure)}" for label, figure in zip(series.labels, series.values, strict=True))
    return Answer(f"The {series.title}: {figures}.", series)


def _named(columns: list[Column], words: str) -> Column | None:
    """The column whose name stands in the words; the longest name where several do."""
    found = [column for column in columns if re.search(rf"\b{re.escape(column.name)}s?\b", words, re.IGNORECASE)]
    return max(found, key=lambda column: len(column.name), default=None)


def _first_date(table: Table) -> Column | None:
    return next(iter(table.of_kind(Kind.DATE)), None)


def _hint(table: Table) -> str:
    numbers = ", ".join(column.name for column in table.of_kind(Kind.NUMBER)) or "none"
    groups = ", ".join(column.name for column in table.columns if column.kind is not Kind.NUMBER) or "nothing"
    return f"I can tell the sum, average, median, smallest, largest or number of {numbers}, also by {groups}"
