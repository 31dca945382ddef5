"""What a user wants, read from plain words.

Purpose: a message becomes a request with one verb and one argument. It does not know files: whether the argument exists is found out
by whoever answers.
"""

from __future__ import annotations

import enum
import re
from typing import Final, NamedTuple


class Verb(enum.Enum):
    """What can be asked for."""

    HELP = "help"
    OVERVIEW = "overview"
    LIST = "list"
    SIZE = "size"
    LANGUAGES = "languages"
    FIND = "find"
    READ = "read"
    NOTE = "note"
    UNKNOWN = "unknown"


class Request(NamedTuple):
    """One request; the argument is a folder (`.` for the whole workspace), a file, what to find, or what to note."""

    verb: Verb
    argument: str = "."


_ARTICLES: Final = r"(?:(?:me|us|all|the|my|our|your|a|an|of|in|inside|for|folder|directory|file|files|contents?)\s+)*"
_PATTERNS: Final = [
    (Verb.NOTE, r"(?:note|remember|write down)(?: that)?[:\s]\s*(?P<argument>.+)"),
    (Verb.HELP, r"(?:help|hi|hello|hey|what can (?:you|i) (?:do|ask)|how does this work)\b.*"),
    (Verb.OVERVIEW, r"(?:what(?:'s| is) this|overview|summar(?:y|i[sz]e)|about|describe)\b.*"),
    (Verb.LANGUAGES, r".*\blanguages?\b(?:.*?\b(?:in|of|does)\s+(?P<argument>\S+).*)?.*"),
    (Verb.LIST, rf"(?:list|ls|dir)\b\s*{_ARTICLES}(?P<argument>.*)"),
    (Verb.LIST, r"what(?:'s| is| are)? (?:(?:the )?files? )?(?:in|inside|under)\s+(?P<argument>.*)"),
    (Verb.LIST, r"show (?:me )?(?:the |all )?(?:files|folders?|contents?|directory)(?: (?:in|of|inside|under))?\s*(?P<argument>.*)"),
    (Verb.SIZE, rf"(?:the\s+)?(?:total\s+)?size\b\s*{_ARTICLES}(?P<argument>.*)"),
    (Verb.SIZE, r"how (?:big|large|heavy) (?:is|are) (?P<argument>.*)"),
    (Verb.SIZE, r"(?:what (?:is|are) )?(?:the )?(?:largest|biggest) files?(?: (?:in|of|under))?\s*(?P<argument>.*)"),
    (Verb.FIND, r"(?:find|search|grep|look)(?: (?:for|all|every|uses of|the word|where))*\s+(?P<argument>.+)"),
    (Verb.FIND, r"where (?:is|are|do (?:you|we) use)\s+(?P<argument>.+?)(?:\s+(?:defined|used|mentioned|declared))?"),
    (Verb.FIND, r"(?:matches|uses|lines|files|mentions|occurrences) (?:of|with|for|that contain|containing)\s+(?P<argument>.+)"),
    (Verb.FIND, r"(?:who|what|which files?) (?:uses?|mentions?|contains?)\s+(?P<argument>.+)"),
    (Verb.READ, rf"(?:read|show|open|cat|print|display)\s+{_ARTICLES}(?P<argument>.+)"),
    (Verb.READ, r"(?P<argument>\S*[/.]\S+)"),  # a path and nothing else
]
_RULES: Final = [(verb, re.compile(pattern, re.IGNORECASE)) for verb, pattern in _PATTERNS]
_POLITE: Final = re.compile(
    r"^(?:(?:please|can you|could you|would you|now|and|then|ok|okay)[,\s]+)+|[,\s]+(?:please|thanks|thank you)$", re.I
)
_WHOLE: Final = re.compile(
    r"(?:(?:this|the|that|here|everything|it|all|whole|my|our|root|project|workspace|repository|repo|folder)\s*)*|\./?", re.I
)
_QUOTES: Final = "`\"'\u201c\u201d\u2018\u2019"


def understand(message: str) -> Request:
    """Reads a message; `UNKNOWN` where it fits no request."""
    text = _bare(message)
    for verb, pattern in _RULES:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        argument = _argument(match.groupdict().get("argument"))
        if verb in (Verb.FIND, Verb.READ, Verb.NOTE) and argument == ".":
            return Request(Verb.UNKNOWN)
        return Request(verb, argument)
    return Request(Verb.UNKNOWN)


def _bare(message: str) -> str:
    """Takes off what carries no meaning: spaces, polite words, the mark at the end."""
    text = " ".join(message.split())
    before = None
    while before != text:
        before = text
        text = _POLITE.sub("", re.sub(r"(?:[?!]|(?<=\w)\.)$", "", text).strip())
    return text


def _argument(text: str | None) -> str:
    bare = (text or "").strip()
    quoted = len(bare) > 1 and bare[0] in _QUOTES and bare[-1] in _QUOTES
    bare = bare.strip(_QUOTES)
    if not quoted and _WHOLE.fullmatch(bare):
        return "."
    return bare
