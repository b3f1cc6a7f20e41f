"""What each authoritative server has answered of one RRset, as it is kept with the requests for it."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple


class AnswerState(StrEnum):
    """How a server's answer compares with what was asked for."""

    AS_ASKED = "as_asked"
    OTHERWISE = "otherwise"
    NO_ANSWER = "no_answer"  # or one that decides nothing
    HIDDEN = "hidden"  # a delegation, a DNAME or a child zone covers the RRset there


class ServerAnswer(NamedTuple):
    """What one server answers; `message` says more where it is not as asked."""

    server: str
    state: AnswerState = AnswerState.AS_ASKED
    message: str | None = None


@lru_cache(maxsize=16)  # nearly all of a batch's requests have the same answers
def all_as_asked(servers: tuple[str, ...]) -> Sequence[ServerAnswer]:
    """Return the answers of servers that all answer as asked."""
    return tuple(map(ServerAnswer, servers))


Row = Sequence[str]  # the server, and its state and message where it does not answer as asked


def as_rows(answers: Iterable[ServerAnswer]) -> list[Row]:
    """Return the answers as short as they are stored."""
    return [
        [each.server] if each.state is AnswerState.AS_ASKED else [each.server, each.state, each.message or ""]
        for each in answers
    ]


def from_rows(rows: Iterable[Row]) -> list[ServerAnswer]:
    """Return what `as_rows` has made of answers."""
    return [
        ServerAnswer(server, AnswerState(rest[0]), rest[1]) if rest else ServerAnswer(server)
        for server, *rest in rows
    ]
