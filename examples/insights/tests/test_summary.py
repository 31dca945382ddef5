"""Figures of tables whose properties are known."""

from __future__ import annotations

import random
import statistics

import pytest

from data_table import Kind, NoTable, read_table
from summary import by_group, correlations, findings, pictures, profile, rounded, spell
from table_questions import NotUnderstood, answer

SALES = b"""date,region,units,revenue
2025-01-03,North,2,100
2025-01-20,South,3,150.5
2025-02-07,North,1,50
2025-02-09,,4,
2025-03-01,South,10,500
"""


def test_columns_have_kinds() -> None:
    table = read_table(SALES)
    assert [column.kind for column in table.columns] == [Kind.DATE, Kind.TEXT, Kind.NUMBER, Kind.NUMBER]
    assert table.rows == 5
    assert [column.missing for column in table.columns] == [0, 1, 0, 1]


def test_a_profile_is_computed_from_the_cells() -> None:
    numbers = [round(random.uniform(-1000, 1000), 2) for _ in range(50)]  # noqa: S311
    table = read_table(("value\n" + "\n".join(map(str, numbers))).encode())
    [facts] = profile(table)
    assert facts["mean"] == pytest.approx(statistics.fmean(numbers), rel=1e-4)
    assert facts["median"] == pytest.approx(statistics.median(numbers), rel=1e-4)
    assert facts["deviation"] == pytest.approx(statistics.stdev(numbers), rel=1e-4)
    assert (facts["min"], facts["max"]) == (min(numbers), max(numbers))


def test_words_and_dates_have_profiles() -> None:
    date, region, *_ = profile(read_table(SALES))
    assert (date["first"], date["last"]) == ("2025-01-03", "2025-03-01")
    assert region["top"] == [{"value": "North", "count": 2}, {"value": "South", "count": 2}]


def test_groups_and_months() -> None:
    table = read_table(SALES)
    date, region, _, revenue = table.columns
    assert by_group(region, revenue, "sum")[2:] == (["South", "North"], [650.5, 150])
    assert by_group(date, revenue, "average")[1:] == ("line", ["2025-01", "2025-02", "2025-03"], [125.25, 50, 500])
    assert [series.chart for series in pictures(table)] == ["bar", "line"]


def test_what_goes_together_is_found() -> None:
    assert correlations(read_table(SALES)) == [{"columns": ["units", "revenue"], "r": 1.0}]
    assert correlations(read_table(b"a,b\n1,1\n2,1\n3,1\n")) == []


def test_findings_name_gaps_groups_trends_and_outliers() -> None:
    said = findings(read_table(SALES))
    assert said[0] == "5 rows, 4 columns."
    assert "revenue: 1 of 5 cells are empty." in said
    assert "South has the largest sum of revenue by region: 650.50, 81 % of all." in said
    outlying = "\n".join(["hours", *(str(number) for number in range(1, 20)), "900"])
    assert findings(read_table(outlying.encode()))[-1] == "hours has values far from the others: 900."


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What is the average revenue by region?", "The average of revenue by region: South 325.25; North 75."),
        ("total units", "The sum of units is 20."),
        ("how much revenue per month", "The sum of revenue by month: 2025-01 250.50; 2025-02 50; 2025-03 500."),
        ("the largest units by region", "The largest of units by region: South 10; North 2."),
        ("how many rows?", "The table has 5 rows."),
        ("Median REVENUE", "The median of revenue is 125.25."),
    ],
)
def test_questions(question: str, words: str) -> None:
    assert answer(read_table(SALES), question).words == words


@pytest.mark.parametrize("question", ["hello", "average by region", "revenue"])
def test_what_is_not_understood_is_said(question: str) -> None:
    with pytest.raises(NotUnderstood, match=r"I can tell the sum.*of units, revenue, also by date, region"):
        answer(read_table(SALES), question)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no line below"),
        (b"a,b\n", "no line below"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"a\n" + b"1\n" * 200_001, "larger than"),
        (b"a," * 300 + b"\n1\n", "larger than"),
        (b"a\n" + b"x" * (8 * 1024 * 1024), "more than"),
    ],
)
def test_what_is_no_table(content: bytes, reason: str) -> None:
    with pytest.raises(NoTable, match=reason):
        read_table(content)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_quotes_and_short_lines(separator: str) -> None:
    text = separator.join(["name", "value"]) + "\n" + separator.join(['"a, ""b"""', "1"]) + "\nshort\n"
    table = read_table(b"\xef\xbb\xbf" + text.encode())
    assert [column.name for column in table.columns] == ["name", "value"]
    assert table.columns[0].values == ['a, "b"', "short"]
    assert table.columns[1].values == [1.0, None]


def test_words_that_look_like_numbers_are_words() -> None:
    kinds = [read_table(f"a\n{cell}\n".encode()).columns[0].kind for cell in ("nan", "inf", "1_000", "1e999", "0x10")]
    assert kinds == [Kind.TEXT] * 5


def test_figures_are_spelled() -> None:
    assert [spell(number) for number in (1234567, 1234.5, -3)] == ["1,234,567", "1,234.50", "-3"]
    assert [rounded(number) for number in (123456.789, 0.000123456789, 0)] == [123456.79, 0.000123457, 0]
