"""Answers about a workspace, in Markdown.

Purpose: what `help`, `list`, `size`, `languages`, `find`, `read` and `what is this` say. Answers depend on the folder
alone: the same folder gives the same text. How they are sent, and at which pace, is not known here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from workspace import FILE_BYTES_MAX, File, Refused, Scan, Workspace, is_binary, read
from workspace_requests import Request, Verb

LISTED_MAX: Final = 100
LARGEST_MAX: Final = 10
LANGUAGES_MAX: Final = 20
MATCHES_MAX: Final = 50
MATCH_CHARACTERS_MAX: Final = 160
READ_LINES_MAX: Final = 80
READ_CHARACTERS_MAX: Final = 8_000

HELP: Final = """\
I answer about the files in **{title}**. You can ask:

- `what is this`: what the project says about itself
- `list docs`: what is in a folder
- `size crates` or `how big is crates?`: how much it holds, and its largest files
- `languages`: which languages are used
- `find Outbox` or `where is Outbox?`: the lines where a word stands
- `read README.md`: the beginning of a file
- `note: call the dentist`: I ask first, and then add it to NOTES.md
"""
LANGUAGES: Final = {
    ".c": "C", ".cc": "C++", ".cpp": "C++", ".cs": "C#", ".css": "CSS", ".go": "Go", ".h": "C", ".hpp": "C++", ".html": "HTML",
    ".java": "Java", ".js": "JavaScript", ".json": "JSON", ".jsx": "JavaScript", ".kt": "Kotlin", ".md": "Markdown",
    ".mjs": "JavaScript", ".php": "PHP", ".proto": "Protocol Buffers", ".py": "Python", ".rb": "Ruby", ".rs": "Rust",
    ".scss": "SCSS", ".sh": "Shell", ".sql": "SQL", ".swift": "Swift", ".toml": "TOML", ".ts": "TypeScript", ".tsx": "TypeScript",
    ".txt": "Text", ".vue": "Vue", ".xml": "XML", ".yaml": "YAML", ".yml": "YAML",
}  # fmt: skip

Report = Callable[[int], None]
"""Told now and then how many files were looked at so far."""


def answer(workspace: Workspace, request: Request, report: Report) -> str:
    """Gives the answer to a request; a refusal is an answer too. It reads files and may take seconds: call it in a thread.

    `report` may raise to stop it.
    """
    try:
        return _ANSWERS[request.verb](workspace, request.argument, report)
    except Refused as refusal:
        return f"Sorry, {refusal}. Ask for `help` to see what I can do.\n"


def _help(workspace: Workspace, _argument: str, _report: Report) -> str:
    return HELP.format(title=workspace.title)


def _unknown(workspace: Workspace, _argument: str, _report: Report) -> str:
    return "I did not understand that: I know plain requests only, not language in general.\n\n" + HELP.format(title=workspace.title)


def _list(workspace: Workspace, argument: str, _report: Report) -> str:
    entries = workspace.entries(workspace.folder(argument))
    folders = [f"- `{entry.name}/`" for entry in entries if entry.is_dir(follow_symlinks=False)]
    files = [
        f"- `{entry.name}`, {_bytes(entry.stat(follow_symlinks=False).st_size)}"
        for entry in entries
        if entry.is_file(follow_symlinks=False)
    ]
    lines = folders + files
    text = f"{_place(workspace, argument)} has {_count(len(folders), 'folder')} and {_count(len(files), 'file')}.\n\n"
    return text + "\n".join(lines[:LISTED_MAX]) + "\n" + _cut(lines, LISTED_MAX, "entries")


def _size(workspace: Workspace, argument: str, report: Report) -> str:
    path = workspace.resolve(argument)
    if path.is_file():
        return f"`{workspace.name_of(path)}` has {_exact_bytes(path.stat().st_size)}.\n"
    scan = workspace.scan(argument)
    files = list(_reported(scan, report))
    total = sum(file.size for file in files)
    largest = sorted(files, key=lambda file: (-file.size, file.name))[:LARGEST_MAX]
    text = f"{_place(workspace, argument)} holds {_count(len(files), 'file')} in {_count(scan.folder_count, 'folder')}, "
    text += f"{_exact_bytes(total)} in total.\n"
    if largest:
        text += "\nThe largest files:\n\n" + "".join(f"- `{file.name}`, {_bytes(file.size)}\n" for file in largest)
    return text + _limits(scan)


def _languages(workspace: Workspace, argument: str, report: Report) -> str:
    scan = workspace.scan(argument)
    files: dict[str, int] = defaultdict(int)
    lines: dict[str, int] = defaultdict(int)
    for file in _reported(scan, report):
        text = scan.text(file)
        if text is not None:
            language = _language(file)
            files[language] += 1
            lines[language] += len(text.splitlines())
    ranked = sorted(files, key=lambda language: (-lines[language], language))
    rows = [f"- **{language}**: {_count(files[language], 'file')}, {_count(lines[language], 'line')}" for language in ranked]
    head = f"{_place(workspace, argument)} has {_count(len(rows), 'kind')} of text file:\n\n"
    return head + "\n".join(rows[:LANGUAGES_MAX]) + "\n" + _cut(rows, LANGUAGES_MAX, "kinds") + _limits(scan)


def _find(workspace: Workspace, argument: str, report: Report) -> str:
    scan = workspace.scan(".")
    any_case = argument.islower()
    flags = re.IGNORECASE if any_case else re.NOFLAG
    pattern = re.compile(re.escape(argument), flags)
    matches: list[str] = []
    count = 0
    found_in = 0
    for file in _reported(scan, report):
        found = list(_matching_lines(file, scan.text(file), pattern))
        count += len(found)
        found_in += bool(found)
        matches.extend(found[: MATCHES_MAX - len(matches)])
    case = " (in any case)" if any_case else ""
    if not matches:
        return f"Nothing matches `{argument}`{case}.\n" + _limits(scan)
    head = f"`{argument}`{case} stands on {_count(count, 'line')} in {_count(found_in, 'file')}.\n\n"
    shown = "```\n" + "\n".join(matches) + "\n```\n"
    cut = f"\nI show the first {MATCHES_MAX} of {count:,} lines.\n" if count > MATCHES_MAX else ""
    return head + shown + cut + _limits(scan)


def _read(workspace: Workspace, argument: str, _report: Report) -> str:
    path = workspace.resolve(argument)
    if path.is_dir():
        raise Refused(f"`{argument}` is a folder; try `list {argument}`")
    try:
        content = read(path)
    except OSError:
        raise Refused(f"`{argument}` cannot be read") from None
    if is_binary(content):
        return f"`{argument}` is no text: {_exact_bytes(path.stat().st_size)} of something else.\n"
    lines = content.decode(errors="replace").splitlines()
    shown = "\n".join(lines[:READ_LINES_MAX])[:READ_CHARACTERS_MAX]
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    text = f"`{workspace.name_of(path)}`:\n\n{fence}\n{shown}\n{fence}\n"
    whole = len(content) < FILE_BYTES_MAX and shown == "\n".join(lines)
    return text if whole else f"{text}\nThat is the beginning; the file has {_exact_bytes(path.stat().st_size)}.\n"


def _overview(workspace: Workspace, _argument: str, report: Report) -> str:
    scan = workspace.scan(".")
    total = sum(file.size for file in _reported(scan, report))
    counts = f"It holds {_count(scan.file_count, 'file')} in {_count(scan.folder_count, 'folder')}, {_bytes(total)}.\n"
    return f"This is **{workspace.title}**. {_readme(workspace)}\n\n{counts}{_limits(scan)}"


_ANSWERS: Final[dict[Verb, Callable[[Workspace, str, Report], str]]] = {
    Verb.HELP: _help,
    Verb.OVERVIEW: _overview,
    Verb.LIST: _list,
    Verb.SIZE: _size,
    Verb.LANGUAGES: _languages,
    Verb.FIND: _find,
    Verb.READ: _read,
    Verb.UNKNOWN: _unknown,
}


def _reported(scan: Scan, report: Report) -> Iterator[File]:
    for file in scan.files():
        report(scan.file_count)
        yield file


def _matching_lines(file: File, text: str | None, pattern: re.Pattern[str]) -> Iterator[str]:
    for number, line in enumerate((text or "").splitlines(), 1):
        if pattern.search(line):
            yield f"{file.name}:{number}: {line.strip()[:MATCH_CHARACTERS_MAX]}"


def _language(file: File) -> str:
    suffix = file.path.suffix.lower()
    return LANGUAGES.get(suffix, suffix or "no extension")


def _readme(workspace: Workspace) -> str:
    """Gives the first paragraph of the README that is no heading, picture or mark-up."""
    names = (entry.name for entry in workspace.entries(workspace.root) if entry.is_file(follow_symlinks=False))
    readme = next((name for name in names if re.fullmatch(r"readme(\.\w+)?", name, re.IGNORECASE)), None)
    if readme is None:
        return "It has no README."
    try:
        text = read(workspace.root / readme).decode(errors="replace")
    except OSError:
        return "Its README cannot be read."
    paragraphs = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*$", "\n", text)))
    first = next((paragraph for paragraph in paragraphs if paragraph and paragraph[0] not in "<[!`|-="), "It says nothing.")
    return f"Its README says:\n\n> {first[:READ_CHARACTERS_MAX]}"


def _place(workspace: Workspace, argument: str) -> str:
    name = workspace.name_of(workspace.resolve(argument))
    return f"**{workspace.title}**" if name == "." else f"`{name}`"


def _limits(scan: Scan) -> str:
    return f"\nNot everything was looked at: {'; '.join(scan.limits)}.\n" if scan.limits else ""


def _cut(lines: list[str], most: int, what: str) -> str:
    return f"\nI show the first {most} of {len(lines):,} {what}.\n" if len(lines) > most else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _exact_bytes(number: int) -> str:
    exact = _count(number, "byte")
    return exact if number < 1024 else f"{exact} ({_bytes(number)})"


def _bytes(number: int) -> str:
    if number < 1024:
        return _count(number, "byte")
    value = number / 1024
    for unit in ("KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
