"""What the example can do for a goal: two plans for the files of one folder.

Purpose: the steps of each plan, with their real effects. How steps are done one after the other, and what waits for leave, is
`workflow.py`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from goal_commands import execute
from workflow import Facts, Planner, Request, Step, StepFailed, Work

ARCHIVE = "logs.tar.gz"
REPORT = "report.md"


def plans(folder: Path) -> Mapping[str, Planner]:
    """Gives the plans for a folder."""
    return {"archive": lambda _: _archive(folder), "report": lambda _: _report(folder)}


def _archive(folder: Path) -> list[Step]:
    async def find(work: Work) -> str:
        names = _names(folder, "*.log")
        if not names:
            raise StepFailed("there is no log file in the folder")
        counted = await execute(work, folder, "wc", "-l", "--", *names)
        work.facts["logs"] = {name: _digest(folder / name) for name in names}
        return f"{len(names)} log files, {counted.split()[-2] if len(names) > 1 else counted.split()[0]} lines"

    async def pack(work: Work) -> str:
        if (folder / ARCHIVE).exists():
            raise StepFailed(f"{ARCHIVE} is there already")
        await execute(work, folder, "tar", "-czf", ARCHIVE, "--", *work.facts["logs"])
        return f"{ARCHIVE}, {(folder / ARCHIVE).stat().st_size} bytes"

    async def verify(work: Work) -> str:
        listed = (await execute(work, folder, "tar", "--quoting-style=literal", "-tzf", ARCHIVE)).splitlines()
        if listed != list(work.facts["logs"]):
            raise StepFailed(f"{ARCHIVE} does not hold what was packed")
        return f"all {len(listed)} files are in it"

    def request(facts: Facts) -> Request:
        files = list(facts["logs"])
        return Request(f"Delete {len(files)} log files that are in {ARCHIVE} now?", "delete_file", {"files": files, "archive": ARCHIVE})

    async def delete(work: Work) -> str:
        changed = [name for name, digest in work.facts["logs"].items() if _digest(folder / name) != digest]
        if changed:
            raise StepFailed(f"{', '.join(changed)} changed since then; nothing was deleted")
        await execute(work, folder, "rm", "--", *work.facts["logs"])
        work.facts["results"] = {"archive": ARCHIVE, "deleted": list(work.facts["logs"])}
        return f"{len(work.facts['logs'])} files deleted"

    return [
        Step("Find the log files", find),
        Step(f"Pack them into {ARCHIVE}", pack),
        Step("Check the archive", verify),
        Step("Delete the packed log files", delete, request),
    ]


def _report(folder: Path) -> list[Step]:
    async def count(work: Work) -> str:
        names = _names(folder, "*.txt")
        if not names:
            raise StepFailed("there is no text file in the folder")
        lines = (await execute(work, folder, "wc", "-w", "--", *names)).splitlines()[: len(names)]
        work.facts["words"] = {name: int(line.split()[0]) for name, line in zip(names, lines, strict=True)}
        return f"{sum(work.facts['words'].values())} words in {len(names)} text files"

    async def write(work: Work) -> str:
        words = work.facts["words"]
        rows = [f"| {name} | {number} |" for name, number in sorted(words.items(), key=lambda item: -item[1])]
        text = "\n".join(["# Words in the text files", "", "| file | words |", "|---|---|", *rows, f"| all | {sum(words.values())} |", ""])
        (folder / REPORT).write_text(text, encoding="utf-8")
        work.facts["results"] = {"report": REPORT, "words": words}
        return f"{REPORT}, {len(text.encode())} bytes"

    return [Step("Count the words", count), Step(f"Write {REPORT}", write)]


def _names(folder: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in folder.glob(pattern) if path.is_file())


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise StepFailed(f"{path.name} cannot be read: {error.strerror}") from error
