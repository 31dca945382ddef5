"""One folder, looked at safely.

Purpose: names inside the folder become paths, files are walked and read, and nothing outside can be reached. Every scan is bounded
and says when a bound was hit. It does not know requests or answers.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

NOTES: Final = "NOTES.md"
"""The only file that is ever written."""
FILES_MAX: Final = 20_000
"""Files that one scan looks at; a folder of sources has fewer."""
FOLDER_ENTRIES_MAX: Final = 20_000
FILE_BYTES_MAX: Final = 1024 * 1024
"""What is read of one file."""
SCAN_BYTES_MAX: Final = 64 * 1024 * 1024
"""What is read of all files in one scan; some seconds of work."""
BINARY_PROBE_BYTES: Final = 8_192

SKIPPED_FOLDERS: Final = frozenset(
    {
        ".git", ".hg", ".svn", "node_modules", "target", "venv", "__pycache__", "dist", "build",
        ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".idea", ".hypothesis",
    }
)  # fmt: skip
"""Folders of tools: large, generated, or not meant to be read."""
_ENVIRONMENT_PREFIX: Final = ".venv"
"""How Python environments are called: `.venv`, and `.venv-` with what they are for."""
_PRIVATE_SUFFIXES: Final = (".pem", ".key", ".p12", ".pfx")
_PRIVATE_NAMES: Final = frozenset({"id_rsa", "id_ed25519", "id_ecdsa", ".netrc", ".npmrc", ".pypirc"})


class Refused(Exception):
    """A request that is not answered; the text says why, and is for the user."""


@dataclass(frozen=True)
class File:
    """A file of the workspace."""

    name: str
    """Its path inside the workspace, with slashes."""
    path: Path
    size: int
    """In bytes."""


class Scan:
    """A walk over the files below one folder, sorted by name, that counts as it goes."""

    def __init__(self, workspace: Workspace, start: Path) -> None:
        """Prepares a walk; `files` does it."""
        self._workspace = workspace
        self._start = start
        self._bytes_left = SCAN_BYTES_MAX
        self.file_count = 0
        self.folder_count = 0
        self.limits: list[str] = []
        """What was left out because a bound was hit, in words."""

    def files(self) -> Iterator[File]:
        """Gives the files, at most `FILES_MAX`. Links are not followed."""
        folders = [self._start]
        while folders:
            inner: list[Path] = []
            for entry in self._workspace.entries(folders.pop()):
                if entry.is_dir(follow_symlinks=False):
                    self.folder_count += 1
                    inner.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    if self.file_count == FILES_MAX:
                        self._hit(f"only the first {FILES_MAX:,} files were looked at")
                        return
                    self.file_count += 1
                    path = Path(entry.path)
                    yield File(self._workspace.name_of(path), path, entry.stat(follow_symlinks=False).st_size)
            folders.extend(reversed(inner))

    def text(self, file: File) -> str | None:
        """Reads a file; None where it is binary, cannot be read, or the scan has read its share."""
        if self._bytes_left <= 0:
            self._hit(f"only the first {SCAN_BYTES_MAX // 2**20} MiB were read")
            return None
        try:
            content = read(file.path)
        except (OSError, Refused):
            self._hit("some files could not be read")
            return None
        self._bytes_left -= len(content)
        if file.size > FILE_BYTES_MAX:
            self._hit(f"only the first {FILE_BYTES_MAX // 2**20} MiB of larger files were read")
        return None if is_binary(content) else content.decode(errors="replace")

    def _hit(self, limit: str) -> None:
        if limit not in self.limits:
            self.limits.append(limit)


class Workspace:
    """The folder, fixed when it is made."""

    def __init__(self, root: Path) -> None:
        """Takes the folder. Raises ValueError where it is none."""
        self.root = root.resolve()
        if not self.root.is_dir():
            raise ValueError(f"the workspace {str(root)!r} is no folder")

    @property
    def title(self) -> str:
        """The folder's own name."""
        return self.root.name or "/"

    def name_of(self, path: Path) -> str:
        """Gives a path as users see it; the workspace itself is `.`."""
        return path.relative_to(self.root).as_posix()

    def resolve(self, name: str) -> Path:
        """Gives the path of `name` inside the workspace. Raises Refused where it leads outside, is kept out, or does not exist."""
        try:
            path = (self.root / name).resolve()
        except (OSError, ValueError, RuntimeError):
            raise Refused(f"`{name}` is no path that I can follow") from None
        if not path.is_relative_to(self.root):
            raise Refused(f"`{name}` is outside of the workspace, and I only look inside of it")
        inner = path.relative_to(self.root)
        kept_out = next(filter(is_skipped, inner.parts), None)
        if kept_out is not None:
            raise Refused(f"`{name}` is in `{kept_out}`, which I leave alone")
        if inner.parts and is_private(inner.name):
            raise Refused(f"`{name}` looks like a secret, so I do not open it")
        if not path.exists():
            raise Refused(f"there is no `{name}` in the workspace")
        return path

    def folder(self, name: str) -> Path:
        """Gives a folder. Raises Refused as `resolve` does, or where it is a file."""
        path = self.resolve(name)
        if not path.is_dir():
            raise Refused(f"`{name}` is a file, not a folder")
        return path

    def entries(self, folder: Path) -> list[os.DirEntry[str]]:
        """Gives what is in a folder, sorted by name, without what is kept out; nothing where it cannot be read."""
        try:
            with os.scandir(folder) as scanned:
                entries = list(islice(scanned, FOLDER_ENTRIES_MAX))
        except OSError:
            return []
        kept = (entry for entry in entries if not is_skipped(entry.name) and not is_private(entry.name))
        return sorted(kept, key=lambda entry: entry.name)

    def note(self, text: str) -> None:
        """Adds a line to `NOTES`. Raises OSError, or Refused where that is no ordinary file."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self.root / NOTES, flags, 0o644)
        with os.fdopen(descriptor, "a") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Refused(f"`{NOTES}` is no ordinary file")
            file.write(f"- {' '.join(text.split())}\n")

    def scan(self, name: str) -> Scan:
        """Prepares a walk below a folder. Raises Refused as `folder` does."""
        return Scan(self, self.folder(name))


def read(path: Path) -> bytes:
    """Reads the first `FILE_BYTES_MAX` of a regular file. Raises OSError, or Refused where it is something else.

    The path was resolved, so its last part is no link; were it exchanged for one since, it is not followed.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Refused(f"`{path.name}` is no ordinary file")
        return file.read(FILE_BYTES_MAX)


def is_binary(content: bytes) -> bool:
    """Whether the content is no text, judged by a zero byte near its start."""
    return b"\0" in content[:BINARY_PROBE_BYTES]


def is_skipped(name: str) -> bool:
    """Whether a folder of this name belongs to a tool."""
    return name in SKIPPED_FOLDERS or name.startswith(_ENVIRONMENT_PREFIX)


def is_private(name: str) -> bool:
    """Whether a file of this name usually holds a secret."""
    return name.startswith(".env") or name in _PRIVATE_NAMES or name.endswith(_PRIVATE_SUFFIXES)
