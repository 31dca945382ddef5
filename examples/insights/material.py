"""The files that the agents work on.

Purpose: the CSV files of one folder, each with a stable `file_uuid`. Files may come and go; each question looks again.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Final, NamedTuple

_NAMESPACE: Final = uuid.UUID("6b9d5c1e-2f0a-4b7e-9a53-1d6c8f3e7a42")


class NoFile(LookupError):
    """There is no such file, in words that a person may see."""


class File(NamedTuple):
    """One file."""

    file_uuid: str
    file_name: str
    path: Path

    def content(self) -> bytes:
        """Reads it. Raises NoFile where it has gone."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise NoFile(f"{self.file_name} cannot be read: {error.strerror}") from error


class Material:
    """The CSV files of a folder."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder."""
        self._folder = folder

    def files(self) -> list[File]:
        """Gives the files that are there now, by name."""
        paths = sorted(path for path in self._folder.glob("*.csv") if path.is_file())
        return [File(str(uuid.uuid5(_NAMESPACE, path.name)), path.name, path) for path in paths]

    def find(self, *, file_uuid: str | None = None, file_name: str | None = None) -> File:
        """Gives a file by its id or its name. Raises NoFile."""
        for file in self.files():
            if file_uuid == file.file_uuid or (file_uuid is None and file_name == file.file_name):
                return file
        raise NoFile(f"there is no file {file_name or file_uuid or 'chosen'}")
