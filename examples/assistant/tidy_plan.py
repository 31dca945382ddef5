"""The workflow `tidy`: an inbox becomes folders by kind, without doubles.

Purpose: its steps, with their real effects in one folder. What waits for leave, and how steps follow each other, is `workflow.py`'s.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from workflow import Facts, Request, Step, StepFailed, Work

KINDS: Final = {
    "pictures": {".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg"},
    "sounds": {".wav", ".mp3", ".ogg", ".flac"},
    "texts": {".txt", ".md", ".html", ".pdf"},
    "tables": {".csv", ".tsv", ".xlsx"},
}
OTHER: Final = "other"
INDEX: Final = "index.md"
FILES_MAX: Final = 10_000


def tidy(folder: Path) -> list[Step]:
    """Gives the steps for a folder."""
    return [
        Step("Look through the inbox", _in_thread(folder, _look_through)),
        Step("Sort the files into folders", _in_thread(folder, _sort)),
        Step("Delete files that are there twice", _in_thread(folder, _delete), _ask),
        Step(f"Write {INDEX}", _in_thread(folder, _index)),
    ]


def _in_thread(folder: Path, do: Callable[[Path, Facts], str]) -> Callable[[Work], Awaitable[str]]:
    async def step(work: Work) -> str:
        try:
            return await asyncio.to_thread(do, folder, work.facts)
        except OSError as error:
            raise StepFailed(f"{error.filename or folder}: {error.strerror}") from error

    return step


def _look_through(folder: Path, facts: Facts) -> str:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink() and path.name != INDEX)
    if not files:
        raise StepFailed("the inbox is empty")
    if len(files) > FILES_MAX:
        raise StepFailed(f"the inbox holds more than {FILES_MAX} files")
    facts["digests"] = {path.name: _digest(path) for path in files}
    return f"{len(files)} files, {sum(path.stat().st_size for path in files)} bytes"


def _sort(folder: Path, facts: Facts) -> str:
    places: dict[str, str] = {}
    seen: dict[str, str] = {}
    doubles: dict[str, str] = {}
    for name, digest in facts["digests"].items():
        places[name] = f"{_kind(name)}/{name}"
        _move(folder / name, folder / places[name])
        if digest in seen:
            doubles[places[name]] = seen[digest]
        else:
            seen[digest] = places[name]
    facts["places"], facts["doubles"] = places, doubles
    counts = Counter(_kind(name) for name in places)
    return ", ".join(f"{count} in {kind}" for kind, count in sorted(counts.items()))


def _ask(facts: Facts) -> Request | None:
    doubles = facts["doubles"]
    if not doubles:
        return None
    words = f"{len(doubles)} file is" if len(doubles) == 1 else f"{len(doubles)} files are"
    return Request(f"{words} there twice. Delete what is too much?", "delete_file", {"same_as": doubles})


def _delete(folder: Path, facts: Facts) -> str:
    for double, kept in facts["doubles"].items():
        if _digest(folder / double) != _digest(folder / kept):
            raise StepFailed(f"{double} and {kept} are not the same any more; it was not deleted")
        (folder / double).unlink()
    return f"{len(facts['doubles'])} deleted"


def _index(folder: Path, facts: Facts) -> str:
    kept = sorted(place for place in facts["places"].values() if place not in facts["doubles"])
    (folder / INDEX).write_text("".join(["# What is here\n\n", *(f"- {place}\n" for place in kept)]), encoding="utf-8")
    facts["results"] = {"kept": len(kept), "deleted": len(facts["doubles"])}
    return f"{len(kept)} files in {INDEX}"


def _kind(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return next((kind for kind, suffixes in KINDS.items() if suffix in suffixes), OTHER)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    try:
        os.link(source, target)  # unlike a move, it never replaces what is there already
    except FileExistsError:
        raise StepFailed(f"{target.parent.name}/{target.name} is there already") from None
    source.unlink()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
