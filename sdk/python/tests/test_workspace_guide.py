"""The workspace guide of `examples/chat`, on a folder of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import workspace
import workspace_answers
from trunkline import CallFailed, Event
from trunkline.testing import TestClient
from workspace import Workspace
from workspace_guide import from_environment, make_worker, words
from workspace_requests import Request, Verb, understand


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small project, with a secret beside it."""
    (tmp_path / "secret.txt").write_text("password\n")
    root = tmp_path / "shop"
    (root / "src" / "inner").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("needle\n")
    (root / "node_modules").mkdir()
    (root / "node_modules" / "big.js").write_text("needle\n" * 1000)
    (root / "README.md").write_text("# Shop\n\n<img>\n\nSells apples\nand pears.\n\nMore.\n")
    (root / "src" / "main.py").write_text("import inner\n\nNeedle = 1\nprint(Needle)\n")
    (root / "src" / "inner" / "deep.rs").write_text("fn needle() {}\n")
    (root / "src" / "picture.bin").write_bytes(b"\0needle")
    (root / ".venv-model").mkdir()
    (root / ".venv-model" / "module.py").write_text("needle\n" * 1000)
    (root / ".env").write_text("KEY=needle\n")
    (root / "way_out").symlink_to(tmp_path)
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "inside.md").symlink_to(root / "README.md")
    return root


async def ask(folder: Path, message: str) -> str:
    async with TestClient(make_worker(Workspace(folder), words_per_second=0)) as client:
        return await client.run("guide", {"message": message}).text()


@pytest.mark.parametrize(
    ("message", "request_"),
    [
        ("help", Request(Verb.HELP)),
        ("Hello!", Request(Verb.HELP)),
        ("What can you do?", Request(Verb.HELP)),
        ("what is this?", Request(Verb.OVERVIEW)),
        ("What's this project about?", Request(Verb.OVERVIEW)),
        ("list", Request(Verb.LIST)),
        ("list docs please", Request(Verb.LIST, "docs")),
        ("please list the folder docs/adr", Request(Verb.LIST, "docs/adr")),
        ("list the files in docs", Request(Verb.LIST, "docs")),
        ("list ..", Request(Verb.LIST, "..")),
        ("what is in docs?", Request(Verb.LIST, "docs")),
        ("show me the files in src", Request(Verb.LIST, "src")),
        ("size", Request(Verb.SIZE)),
        ("size of crates", Request(Verb.SIZE, "crates")),
        ("how big is crates?", Request(Verb.SIZE, "crates")),
        ("How big is this project?", Request(Verb.SIZE)),
        ("what are the largest files in docs?", Request(Verb.SIZE, "docs")),
        ("languages", Request(Verb.LANGUAGES)),
        ("which languages are used?", Request(Verb.LANGUAGES)),
        ("which languages are used in crates?", Request(Verb.LANGUAGES, "crates")),
        ("find Outbox", Request(Verb.FIND, "Outbox")),
        ("find 'two words'", Request(Verb.FIND, "two words")),
        ("where is Outbox defined?", Request(Verb.FIND, "Outbox")),
        ("where is Outbox", Request(Verb.FIND, "Outbox")),
        ("matches of Outbox", Request(Verb.FIND, "Outbox")),
        ("search for Outbox, please", Request(Verb.FIND, "Outbox")),
        ("read README.md", Request(Verb.READ, "README.md")),
        ("can you show me the file `src/main.py`?", Request(Verb.READ, "src/main.py")),
        ("show ../etc/passwd", Request(Verb.READ, "../etc/passwd")),
        ("../etc/passwd", Request(Verb.READ, "../etc/passwd")),
        ("README.md", Request(Verb.READ, "README.md")),
        ("read", Request(Verb.UNKNOWN)),
        ("write me a poem", Request(Verb.UNKNOWN)),
        ("", Request(Verb.UNKNOWN)),
    ],
)
def test_plain_words_are_understood(message: str, request_: Request) -> None:
    assert understand(message) == request_


async def test_help_shows_examples(folder: Path) -> None:
    text = await ask(folder, "help")
    assert "**shop**" in text
    assert "`find Outbox`" in text


async def test_an_unknown_request_is_answered_with_help(folder: Path) -> None:
    text = await ask(folder, "sing")
    assert text.startswith("I did not understand that")
    assert "`read README.md`" in text


async def test_list_names_folders_and_files(folder: Path) -> None:
    assert await ask(folder, "list") == "**shop** has 1 folder and 1 file.\n\n- `src/`\n- `README.md`, 46 bytes\n"
    assert "- `inner/`\n- `main.py`, 39 bytes\n- `picture.bin`, 7 bytes\n" in await ask(folder, "list src")


async def test_size_counts_and_names_the_largest(folder: Path) -> None:
    assert await ask(folder, "how big is src?") == (
        "`src` holds 3 files in 1 folder, 61 bytes in total.\n\nThe largest files:\n\n"
        "- `src/main.py`, 39 bytes\n- `src/inner/deep.rs`, 15 bytes\n- `src/picture.bin`, 7 bytes\n"
    )
    assert await ask(folder, "size README.md") == "`README.md` has 46 bytes.\n"


async def test_languages_count_files_and_lines_of_text(folder: Path) -> None:
    assert await ask(folder, "which languages are used?") == (
        "**shop** has 3 kinds of text file:\n\n- **Markdown**: 1 file, 8 lines\n- **Python**: 1 file, 4 lines\n- **Rust**: 1 file, 1 line\n"
    )


async def test_find_names_the_lines(folder: Path) -> None:
    assert await ask(folder, "where is Needle?") == (
        "`Needle` stands on 2 lines in 1 file.\n\n```\nsrc/main.py:3: Needle = 1\nsrc/main.py:4: print(Needle)\n```\n"
    )
    assert "stands on 3 lines in 2 files" in await ask(folder, "find needle")
    assert await ask(folder, "find nothing_here") == "Nothing matches `nothing_here` (in any case).\n"


async def test_read_shows_a_file(folder: Path) -> None:
    assert await ask(folder, "read src/main.py") == ("`src/main.py`:\n\n```\nimport inner\n\nNeedle = 1\nprint(Needle)\n```\n")
    assert "Sells apples" in await ask(folder, "read inside.md")
    assert "is no text" in await ask(folder, "read src/picture.bin")


async def test_the_overview_quotes_the_readme(folder: Path) -> None:
    assert await ask(folder, "what is this?") == (
        "This is **shop**. Its README says:\n\n> Sells apples and pears.\n\nIt holds 4 files in 2 folders, 107 bytes.\n"
    )


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("read ../secret.txt", "`../secret.txt` is outside of the workspace"),
        ("read ../etc/passwd", "`../etc/passwd` is outside of the workspace"),
        ("read /etc/passwd", "`/etc/passwd` is outside of the workspace"),
        ("read link.txt", "`link.txt` is outside of the workspace"),
        ("read way_out/secret.txt", "`way_out/secret.txt` is outside of the workspace"),
        ("list way_out", "`way_out` is outside of the workspace"),
        ("list ..", "`..` is outside of the workspace"),
        ("size ..", "`..` is outside of the workspace"),
        ("read .git/config", "is in `.git`, which I leave alone"),
        ("list .venv-model", "is in `.venv-model`, which I leave alone"),
        ("list node_modules", "is in `node_modules`, which I leave alone"),
        ("read .env", "`.env` looks like a secret"),
        ("read nothing.md", "there is no `nothing.md` in the workspace"),
        ("read src", "`src` is a folder; try `list src`"),
        ("list README.md", "`README.md` is a file, not a folder"),
        ("read a\0b", "is no path that I can follow"),
        ("read pipe", "`pipe` is no ordinary file"),
    ],
)
async def test_what_is_refused_is_refused_with_the_reason(folder: Path, message: str, reason: str) -> None:
    os.mkfifo(folder / "pipe")
    text = await ask(folder, message)
    assert text.startswith("Sorry, ")
    assert reason in text
    assert "password" not in text


async def test_secrets_and_tools_folders_are_not_searched(folder: Path) -> None:
    text = await ask(folder, "find needle")
    assert ".env" not in text
    assert "node_modules" not in text
    assert ".git" not in text


async def test_bounds_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "FILES_MAX", 2)
    assert "Not everything was looked at: only the first 2 files were looked at." in await ask(folder, "size")
    monkeypatch.setattr(workspace_answers, "MATCHES_MAX", 1)
    assert "I show the first 1 of 2 lines." in await ask(folder, "find Needle")


async def test_reading_is_bounded(folder: Path) -> None:
    (folder / "long.txt").write_text("line\n" * 1000)
    text = await ask(folder, "read long.txt")
    assert text.count("line") == workspace_answers.READ_LINES_MAX
    assert text.endswith("That is the beginning; the file has 5,000 bytes (4.9 KiB).\n")


async def test_the_same_folder_gives_the_same_answer(folder: Path) -> None:
    for message in ("list", "size", "languages", "find needle", "what is this"):
        assert await ask(folder, message) == await ask(folder, message)


async def test_a_scan_reports_its_progress(folder: Path) -> None:
    async with TestClient(make_worker(Workspace(folder), words_per_second=0)) as client:
        run = client.run("guide", {"message": "size"})
        await run
    assert run.progress == [{"message": "files looked at: 1", "stage": "scanning"}]


async def test_an_answer_can_be_cancelled(folder: Path) -> None:
    async with TestClient(make_worker(Workspace(folder), words_per_second=0.001)) as client:
        run = client.run("guide", {"message": "help"})
        assert await anext(run) == "I "
        run.cancel()
        with pytest.raises(CallFailed, match="cancelled"):
            await run


@pytest.mark.parametrize("payload", [{}, {"message": 1}, {"message": "x" * 2001}, "help"])
async def test_a_wrong_payload_is_a_bad_request(folder: Path, payload: object) -> None:
    async with TestClient(make_worker(Workspace(folder), words_per_second=0)) as client:
        with pytest.raises(CallFailed, match="bad_request"):
            await client.run("guide", payload)


@pytest.mark.parametrize("text", ["", "one", " a  b\n\nc \n", "end\n"])
def test_words_together_are_the_text(text: str) -> None:
    assert "".join(words(text)) == text


@pytest.mark.parametrize("variable", ["TRUNKLINE_WORKSPACE", "TRUNKLINE_GUIDE_WORDS_PER_SECOND"])
def test_a_wrong_environment_is_named(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "-1")
    with pytest.raises(ValueError, match="-1"):
        from_environment()


@pytest.mark.parametrize("granted", [True, False])
async def test_a_note_is_written_when_it_is_approved(folder: Path, granted: bool) -> None:
    async with TestClient(make_worker(Workspace(folder), words_per_second=0)) as client:
        run = client.run("guide", {"message": "Note: buy more pears!"})
        question = await anext(run)
        assert isinstance(question, Event)
        assert question.payload["details"] == {"file": "NOTES.md", "text": "buy more pears"}
        assert not (folder / "NOTES.md").exists()
        run.answer(question.payload["request_id"], granted=granted)
        assert ("Noted" in await run.text()) is granted
        assert (folder / "NOTES.md").exists() is granted
        # An attempt that follows a lost one has the answer already.
        answers = [{"request_id": "q", "granted": granted}]
        await client.run("guide", {"message": "remember that apples sell"}, attempt=2, answers=answers)
        lines = (folder / "NOTES.md").read_text().splitlines() if granted else []
        assert lines == (["- buy more pears", "- apples sell"] if granted else [])


async def test_a_note_does_not_follow_a_link_out_of_the_folder(folder: Path) -> None:
    (folder / "NOTES.md").symlink_to(folder.parent / "secret.txt")
    async with TestClient(make_worker(Workspace(folder), words_per_second=0)) as client:
        run = client.run("guide", {"message": "note: anything"})
        question = await anext(run)
        assert isinstance(question, Event)
        run.answer(question.payload["request_id"], granted=True)
        assert "could not" in await run.text()
    assert (folder.parent / "secret.txt").read_text() == "password\n"
