"""Whose answers count, where the inventory names several servers that take updates.

Such servers have the same zone: one stands in for another that is away. Who has got the changes of a run is
believed, if it answers; else the first that answers, in order of preference.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from app.domain.change import RRsetKey
from app.domain.expectation import Answer
from app.domain.server_answers import AnswerState, ServerAnswer

Answers = Mapping[str, Mapping[RRsetKey, Answer]]  # by server, the one that is believed first


class Roles(NamedTuple):
    """The servers of a backend: those that take updates, the preferred first, and those that must answer."""

    primaries: Sequence[str] = ()
    required: Collection[str] = ()


class Heard(NamedTuple):
    """What the servers answer, and the server that is known to have taken the changes, if it is."""

    answers: Answers
    primary: str | None


def heard(answers: Answers, roles: Roles, taker: str | None = None) -> Heard:
    """Return the answers in the order in which they are believed, without those of absent primaries.

    `taker` is the server that the last run has sent its changes to. A primary that gives no answer is left
    out where another one answers, or where it is not required to: it must not keep what others have taken
    from succeeding.
    """
    asked = [server for server in roles.primaries if server in answers]
    there = [server for server in asked if not mute(answers[server])]
    left_out = {server for server in asked if server not in there and (there or server not in roles.required)}
    remaining = there or [server for server in asked if server not in left_out]
    believed = taker if taker in remaining else next(iter(remaining), None)
    order = [believed] if believed is not None else []
    order += [server for server in answers if server not in left_out and server != believed]
    is_taker = believed is not None and (len(roles.primaries) == 1 or believed == taker)
    return Heard({server: answers[server] for server in order}, believed if is_taker else None)


def mute(answered: Mapping[RRsetKey, Answer]) -> bool:
    """Return whether a server has answered nothing that was asked."""
    return bool(answered) and all(answer.error is not None for answer in answered.values())


def unheard(asked: Answers, counted: Answers) -> list[ServerAnswer]:
    """Return what those of the servers said that were asked and do not count: none of them has answered."""
    left_out = asked.keys() - counted.keys()
    return [
        ServerAnswer(server, AnswerState.NO_ANSWER, next(answer.error for answer in said.values()))
        for server, said in asked.items()
        if server in left_out
    ]
