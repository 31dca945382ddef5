"""Text read from a picture, by Tesseract.

Purpose: gives the lines of a picture with their place and how sure the reader is. Where the picture comes from is not known here.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from collections.abc import Iterator
from itertools import groupby
from typing import Final, NamedTuple

LANGUAGE: Final = "eng"
TIMEOUT_S: Final = 30.0
CONFIDENCE_MIN: Final = 30.0
"""Words that the reader is less sure about are specks and icons."""


class ReadingFailed(Exception):
    """The picture cannot be read, for a reason that a person may see."""


class Line(NamedTuple):
    """One line; the place is in pixels from the top left corner, the confidence from 0 to 1."""

    text: str
    confidence: float
    left: int
    top: int
    width: int
    height: int


class _Word(NamedTuple):
    line: tuple[str, ...]
    left: int
    top: int
    width: int
    height: int
    confidence: float
    text: str


async def read(picture: bytes, *, tesseract: str) -> list[Line]:
    """Reads a picture, from the top down. Raises ReadingFailed."""
    reader = await _start(tesseract)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            table, _ = await reader.communicate(picture)
    except TimeoutError:
        raise ReadingFailed(f"reading the picture took longer than {TIMEOUT_S:.0f} s") from None
    finally:
        if reader.returncode is None:
            reader.kill()
            await reader.wait()
    if reader.returncode != 0:
        raise ReadingFailed(f"the text reader ended with {reader.returncode}")
    return lines_of(table.decode())


def lines_of(table: str) -> list[Line]:
    """Gives the lines of Tesseract's table (`tsv`)."""
    lines = (_line(list(words)) for _, words in groupby(_words(table), key=lambda word: word.line))
    return sorted(lines, key=lambda line: (line.top, line.left))


def _words(table: str) -> Iterator[_Word]:
    """Columns: level, page, block, paragraph, line, word, left, top, width, height, confidence, text; only words have a confidence."""
    for row in table.splitlines()[1:]:
        columns = row.split("\t")
        text = columns[11].strip() if len(columns) > 11 else ""
        confidence = float(columns[10])
        if text and confidence >= CONFIDENCE_MIN:
            left, top, width, height = (int(column) for column in columns[6:10])
            yield _Word(tuple(columns[1:5]), left, top, width, height, confidence, text)


def _line(words: list[_Word]) -> Line:
    left, top = min(word.left for word in words), min(word.top for word in words)
    right = max(word.left + word.width for word in words)
    return Line(
        text=" ".join(word.text for word in words),
        confidence=round(statistics.fmean(word.confidence for word in words) / 100, 3),
        left=left,
        top=top,
        width=right - left,
        height=round(statistics.median(word.height for word in words)),
    )


async def _start(tesseract: str) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *(tesseract, "stdin", "stdout", "-l", LANGUAGE, "--psm", "3", "tsv"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},  # one core each; more threads make it slower
        )
    except OSError as error:
        raise ReadingFailed(f"the text reader {tesseract} cannot be started: {error.strerror}") from error
