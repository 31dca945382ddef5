"""What the language model is shown of a conversation."""

from __future__ import annotations

import pytest

from language_model_memory import PROMPT_BYTES_MAX, SESSIONS_MAX, SYSTEM, Conversations, QuestionTooLong, Turn, newest_within


def contents(conversations: Conversations, session: str, question: str) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in conversations.messages(session, question)]


def test_a_session_is_remembered_and_no_other() -> None:
    conversations = Conversations()
    conversations.remember("ada", Turn("My name is Ada.", "Hello, Ada."))
    assert contents(conversations, "ada", "Who am I?") == [
        ("system", SYSTEM),
        ("user", "My name is Ada."),
        ("assistant", "Hello, Ada."),
        ("user", "Who am I?"),
    ]
    assert contents(conversations, "eve", "Who am I?") == [("system", SYSTEM), ("user", "Who am I?")]


def test_the_session_that_was_silent_for_longest_is_forgotten() -> None:
    conversations = Conversations()
    for number in range(SESSIONS_MAX):
        conversations.remember(number, Turn("q", "a"))
    conversations.remember(0, Turn("again", "a"))
    conversations.remember("new", Turn("q", "a"))
    assert len(conversations) == SESSIONS_MAX
    assert conversations.turns(1) == ()
    assert [turn.question for turn in conversations.turns(0)] == ["q", "again"]


def test_a_session_keeps_the_newest_turns_that_fit() -> None:
    conversations = Conversations()
    for number in range(100):
        conversations.remember("s", Turn(f"{number:03}", "x" * 997))
    assert [turn.question for turn in conversations.turns("s")] == ["096", "097", "098", "099"]


def test_the_question_takes_the_place_of_old_turns() -> None:
    conversations = Conversations()
    conversations.remember("s", Turn("old", "x" * 2_000))
    conversations.remember("s", Turn("new", "x" * 1_000))
    shown = contents(conversations, "s", "q" * 2_000)
    assert [content[:3] for _, content in shown[1:]] == ["new", "xxx", "qqq"]
    assert sum(len(content) for _, content in shown[1:]) <= PROMPT_BYTES_MAX


def test_a_question_is_measured_in_bytes() -> None:
    conversations = Conversations()
    assert len(conversations.messages("s", "\u20ac" * (PROMPT_BYTES_MAX // 3))) == 2
    with pytest.raises(QuestionTooLong):
        conversations.messages("s", "\u20ac" * (PROMPT_BYTES_MAX // 3 + 1))


@pytest.mark.parametrize(("bytes_max", "kept"), [(0, 0), (3, 0), (4, 1), (11, 1), (12, 2), (1_000, 2)])
def test_turns_are_kept_whole(bytes_max: int, kept: int) -> None:
    turns = [Turn("1234", "5678"), Turn("12", "34")]
    assert newest_within(turns, bytes_max) == turns[len(turns) - kept :]
