"""Tables from CSV files.

Purpose: reads a file into columns and says what each of them is: numbers, dates or words. What the figures mean is not known here.
"""

from __future__ import annotations

import csv
import enum
import io
from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

FILE_BYTES_MAX: Final = 8 * 1024 * 1024
ROWS_MAX: Final = 200_000
COLUMNS_MAX: Final = 200


class NoTable(ValueError):
    """The bytes are no table, for a reason that a person may see."""


class Kind(enum.Enum):
    """What a column holds."""

    NUMBER = "number"
    DATE = "date"
    TEXT = "text"


class Column(NamedTuple):
    """One column; `values` has None where a cell is empty."""

    name: str
    kind: Kind
    values: Sequence[float | date | str | None]

    @property
    def missing(self) -> int:
        """How many cells are empty."""
        return sum(value is None for value in self.values)

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return len({value for value in self.values if value is not None})

    def numbers(self) -> list[float | None]:
        """Gives the values of a column of numbers."""
        return [value if isinstance(value, float) else None for value in self.values]

    def words(self) -> list[str | None]:
        """Gives the values as words."""
        return [None if value is None else str(value) for value in self.values]


class Table(NamedTuple):
    """Columns of equal length."""

    columns: list[Column]
    rows: int

    def of_kind(self, kind: Kind) -> list[Column]:
        """Gives the columns of a kind, in order."""
        return [column for column in self.columns if column.kind is kind]

    def find(self, name: str) -> Column | None:
        """Gives a column by its name, in any case."""
        return next((column for column in self.columns if column.name.lower() == name.lower()), None)


def read_table(content: bytes) -> Table:
    """Reads a CSV file with a line of names; the separator is found out. Raises NoTable."""
    if len(content) > FILE_BYTES_MAX:
        raise NoTable(f"the file has more than {FILE_BYTES_MAX} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NoTable("the file is no text in UTF-8") from None
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text)) if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise NoTable("the file has no line below its names")
    if len(rows) > ROWS_MAX or len(rows[0]) > COLUMNS_MAX:
        raise NoTable(f"the table is larger than {ROWS_MAX} rows or {COLUMNS_MAX} columns")
    names, cells = rows[0], rows[1:]
    columns = [_column(name.strip() or f"column {at + 1}", [_cell(row, at) for row in cells]) for at, name in enumerate(names)]
    return Table(columns, len(cells))


def _separator(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(",;\t|", key=first.count)


def _cell(row: list[str], at: int) -> str | None:
    text = row[at].strip() if at < len(row) else ""
    return text or None


def _column(name: str, cells: list[str | None]) -> Column:
    if all(cell is None for cell in cells):
        return Column(name, Kind.TEXT, cells)
    try:
        return Column(name, Kind.NUMBER, [None if cell is None else _number(cell) for cell in cells])
    except ValueError:
        pass
    try:
        return Column(name, Kind.DATE, [None if cell is None else date.fromisoformat(cell) for cell in cells])
    except ValueError:
        return Column(name, Kind.TEXT, cells)


def _number(cell: str) -> float:
    """Raises ValueError; words that Python takes for numbers (`nan`, `1_000`) are none here."""
    if not set(cell) <= set("0123456789+-.eE"):
        raise ValueError(cell)
    number = float(cell)
    if abs(number) > 1e300:
        raise ValueError(cell)
    return number
