"""Figures of a table.

Purpose: a profile of each column, which columns go together, and what a number comes to by group or over time. Where tables come from, and
who asks, is not known here.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Any, Final, NamedTuple

from data_table import Column, Kind, Table

CORRELATION_MIN: Final = 0.5
"""Weaker ones are not worth a word."""
GROUPS_MAX: Final = 20
TOP: Final = 5

MEASURES: Final[dict[str, Callable[[list[float]], float]]] = {
    "sum": math.fsum,
    "average": statistics.fmean,
    "median": statistics.median,
    "smallest": min,
    "largest": max,
    "number": len,
}


class Series(NamedTuple):
    """Values by label, for a picture."""

    title: str
    chart: str
    labels: list[str]
    values: list[float]


def profile(table: Table) -> list[dict[str, Any]]:
    """Gives the figures of every column."""
    return [_profile(column) for column in table.columns]


def correlations(table: Table) -> list[dict[str, Any]]:
    """Gives the pairs of numbers that go together, the strongest first (Pearson's r)."""
    pairs = []
    for left, right in combinations(table.of_kind(Kind.NUMBER), 2):
        r = _correlation(left.numbers(), right.numbers())
        if r is not None and abs(r) >= CORRELATION_MIN:
            pairs.append({"columns": [left.name, right.name], "r": round(r, 3)})
    return sorted(pairs, key=lambda pair: -abs(pair["r"]))


def by_group(group: Column, value: Column, measure: str) -> Series:
    """Gives what a number comes to for each value of another column, the largest first; by month where that is a date."""
    gathered: dict[str, list[float]] = defaultdict(list)
    for label, number in zip(_labels(group), value.numbers(), strict=True):
        if label is not None and number is not None:
            gathered[label].append(number)
    figures = {label: MEASURES[measure](numbers) for label, numbers in gathered.items()}
    is_time = group.kind is Kind.DATE
    ranked = sorted(figures) if is_time else sorted(figures, key=lambda label: (-figures[label], label))
    shown = ranked[-GROUPS_MAX:] if is_time else ranked[:GROUPS_MAX]
    title = f"{measure} of {value.name} by {'month' if is_time else group.name}"
    return Series(title, "line" if is_time else "bar", shown, [rounded(figures[label]) for label in shown])


def whole(value: Column, measure: str) -> float | None:
    """Gives what a number comes to for all rows; None where every cell is empty."""
    numbers = [number for number in value.numbers() if number is not None]
    return rounded(MEASURES[measure](numbers)) if numbers else None


def pictures(table: Table) -> list[Series]:
    """Gives the pictures that say most: the first number by the first words with few values, and over time."""
    numbers = table.of_kind(Kind.NUMBER)
    if not numbers:
        return []
    value = max(numbers, key=_spread)
    groups = [column for column in table.of_kind(Kind.TEXT) if 1 < column.distinct <= GROUPS_MAX][:1]
    return [by_group(group, value, "sum") for group in groups + table.of_kind(Kind.DATE)[:1]]


def findings(table: Table) -> list[str]:
    """Gives what a person would want to be told, in words."""
    said = [f"{table.rows} rows, {len(table.columns)} columns."]
    said += [f"{column.name}: {column.missing} of {table.rows} cells are empty." for column in table.columns if column.missing]
    for pair in correlations(table)[:TOP]:
        left, right = pair["columns"]
        way = "rises" if pair["r"] > 0 else "falls"
        said.append(f"{right} {way} with {left} (r = {pair['r']}).")
    for series in pictures(table):
        if series.chart == "bar":
            share = 100 * series.values[0] / sum(series.values) if sum(series.values) else 0
            said.append(f"{series.labels[0]} has the largest {series.title}: {spell(series.values[0])}, {share:.0f} % of all.")
        elif len(series.values) > 1:
            said.append(f"{series.title}: {_trend(series)}.")
    for column in table.of_kind(Kind.NUMBER):
        outliers = _outliers(column)
        if outliers:
            said.append(f"{column.name} has values far from the others: {', '.join(map(spell, outliers[:TOP]))}.")
    return said


def spell(number: float) -> str:
    """Spells a figure."""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.2f}"


def rounded(number: float) -> float:
    """Gives a figure with six significant digits or two decimals, whichever is more."""
    return round(number, max(2, 5 - math.floor(math.log10(abs(number))))) if number else 0.0


def _profile(column: Column) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": column.name, "kind": column.kind.value, "missing": column.missing, "distinct": column.distinct}
    if column.kind is Kind.NUMBER:
        numbers = [number for number in column.numbers() if number is not None]
        deviation = statistics.stdev(numbers) if len(numbers) > 1 else 0.0
        shown = {"min": "smallest", "max": "largest", "mean": "average", "median": "median", "sum": "sum"}
        figures = {name: rounded(MEASURES[measure](numbers)) for name, measure in shown.items()}
        return facts | figures | {"deviation": rounded(deviation)}
    values = [value for value in column.words() if value is not None]
    if column.kind is Kind.DATE:
        return facts | {"first": min(values), "last": max(values)}
    return facts | {"top": [{"value": value, "count": count} for value, count in Counter(values).most_common(TOP)]}


def _labels(group: Column) -> Iterable[str | None]:
    words = group.words()
    return (None if word is None else word[:7] for word in words) if group.kind is Kind.DATE else words


def _correlation(left: list[float | None], right: list[float | None]) -> float | None:
    pairs = [(x, y) for x, y in zip(left, right, strict=True) if x is not None and y is not None]
    if len(pairs) < 3:
        return None
    try:
        return statistics.correlation([x for x, _ in pairs], [y for _, y in pairs])
    except statistics.StatisticsError:  # one of them is constant
        return None


def _spread(column: Column) -> float:
    numbers = [number for number in column.numbers() if number is not None]
    return max(numbers) - min(numbers)


def _trend(series: Series) -> str:
    slope = statistics.linear_regression(range(len(series.values)), series.values).slope
    mean = statistics.fmean(series.values)
    monthly = 100 * slope / mean if mean else 0
    way = "rises" if monthly > 1 else "falls" if monthly < -1 else "stays level"
    return way if way == "stays level" else f"{way} by about {abs(monthly):.0f} % of its mean each month"


def _outliers(column: Column) -> list[float]:
    """Values beyond three times the quartiles' distance (Tukey's outer fences)."""
    numbers = [number for number in column.numbers() if number is not None]
    if len(numbers) < 8:
        return []
    low, _, high = statistics.quantiles(numbers, n=4)
    reach = 3 * (high - low)
    return sorted({number for number in numbers if number < low - reach or number > high + reach}) if reach else []
