"""What was said in each session, and what of it the model is shown.

Purpose: conversations, bounded in sessions and bytes; the oldest goes first. It does not know the model, nor who asks: a session
is any key.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

SESSIONS_MAX: Final = 256
"""Sessions remembered; with `PROMPT_BYTES_MAX` each, that is 1 MiB."""
PROMPT_BYTES_MAX: Final = 4_096
"""Bytes of conversation that the model is shown, with the new question. A token is at least one byte, so it is a bound of tokens too."""
SYSTEM: Final = "You are a helpful assistant."


class Turn(NamedTuple):
    """A question and what was answered."""

    question: str
    answer: str

    @property
    def size(self) -> int:
        """In bytes of UTF-8."""
        return size(self.question) + size(self.answer)


class QuestionTooLong(Exception):
    """A question that the model could not take, even alone."""


class Conversations:
    """The turns of the sessions that asked last."""

    def __init__(self) -> None:
        """Nothing is remembered yet."""
        self._sessions: OrderedDict[Hashable, list[Turn]] = OrderedDict()

    def __len__(self) -> int:
        """How many sessions are remembered."""
        return len(self._sessions)

    def turns(self, session: Hashable) -> Sequence[Turn]:
        """Gives what is remembered of a session, oldest first."""
        return tuple(self._sessions.get(session, ()))

    def remember(self, session: Hashable, turn: Turn) -> None:
        """Adds a turn. Old turns of the session are forgotten, and the session that was silent for longest where there are too many."""
        turns = [*self._sessions.pop(session, ()), turn]
        self._sessions[session] = newest_within(turns, PROMPT_BYTES_MAX)
        if len(self._sessions) > SESSIONS_MAX:
            self._sessions.popitem(last=False)

    def messages(self, session: Hashable, question: str) -> list[dict[str, str]]:
        """Gives what the model is asked: as many turns as fit, then the question. Raises QuestionTooLong."""
        left = PROMPT_BYTES_MAX - size(question)
        if left < 0:
            raise QuestionTooLong
        messages = [{"role": "system", "content": SYSTEM}]
        for turn in newest_within(self.turns(session), left):
            messages.append({"role": "user", "content": turn.question})
            messages.append({"role": "assistant", "content": turn.answer})
        messages.append({"role": "user", "content": question})
        return messages


def newest_within(turns: Sequence[Turn], bytes_max: int) -> list[Turn]:
    """Gives the newest turns, oldest first, that have at most `bytes_max` together."""
    first = len(turns)
    left = bytes_max
    while first > 0 and turns[first - 1].size <= left:
        first -= 1
        left -= turns[first].size
    return list(turns[first:])


def size(text: str) -> int:
    """Gives the bytes of a text in UTF-8."""
    return len(text.encode(errors="replace"))
