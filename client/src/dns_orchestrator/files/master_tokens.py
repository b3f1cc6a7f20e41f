"""The words of a master file: comments, quotes, escapes, and parentheses over several lines."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from dns_orchestrator.files.entry import FileInvalid

# A quoted string, a parenthesis, a word (which may have a quoted part at its end), or what is wrong here. A
# backslash takes the next character with it.
_PIECE = re.compile(
    r"""
      ( " (?: \\. | [^"\\] )* " )
    | ( [()] )
    | ( (?: \\. | [^\s"();\\] )+ (?: " (?: \\. | [^"\\] )* " )? )
    | ;.* | [ \t\r\f]+
    | (.)
    """,
    re.VERBOSE,
)
_DEEPER = {"(": 1, ")": -1, None: 0}


class Token(NamedTuple):
    """A word, as it is written between its quotes if it has any."""

    text: str
    quoted: bool = False

    @property
    def written(self) -> str:
        """The word with its quotes."""
        return f'"{self.text}"' if self.quoted else self.text


class Record(NamedTuple):
    """The words of a record or a directive, and whether the first one is its owner name."""

    line: int
    has_owner: bool
    words: list[Token]


def tokens_of(text: str) -> Iterator[Record]:
    """Yield the words of each record. Raises FileInvalid."""
    words: list[Token] = []
    depth = begin = 0
    has_owner = False
    for number, line in enumerate(text.split("\n"), 1):
        if depth == 0:
            begin, has_owner = number, line[:1] not in (" ", "\t")
        depth = _read_line(number, line, words, depth)
        if depth == 0 and words:
            yield Record(begin, has_owner, words)
            words = []
    if depth:
        raise FileInvalid(begin, "a parenthesis is not closed")


def _read_line(number: int, line: str, words: list[Token], depth: int) -> int:
    """Add the words of a line; return how many parentheses are open behind it."""
    for quoted, parenthesis, word, wrong in _PIECE.findall(line):
        if wrong:
            raise FileInvalid(number, f"{wrong} can't be read: a quote, or an escape, that does not end")
        depth += _DEEPER[parenthesis or None]
        if depth < 0:
            raise FileInvalid(number, "a parenthesis is closed that was not opened")
        if word:
            words.append(Token(word))
        elif quoted:
            words.append(Token(quoted[1:-1], quoted=True))
    return depth
