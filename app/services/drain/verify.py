"""Verify: ask the authoritative servers what they answer for the RRsets that were changed."""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from app.domain.believed import Answers
from app.domain.change import Change, RRsetKey
from app.domain.expectation import Answer, Expectation, expectations
from app.domain.server import Server
from app.nameservers.resolver import ask_all
from app.store import records


def ask_servers(servers: Sequence[Server], changes: Sequence[Change], timeout: float) -> Answers:
    """Return what each server answers, by server, for every RRset that these changes of one zone touch.

    `timeout` is in seconds without a response. What a server does not answer is that RRset's error alone.
    """
    expected = expectations(changes)
    zone = changes[0].apex if changes else ""

    def doubt(key: RRsetKey, answer: Answer) -> bool:
        """Return whether to look closer: what is answered may be a child zone's, or made from a wildcard.

        That may fit by chance: NS below the apex, and what is left after a deletion of values.
        """
        is_of_cut = key.type == "NS" and key.name != zone
        by_chance = bool(answer.rdata) and (is_of_cut or expected[key].may_be_gone)
        return by_chance or expected[key].unmet(answer) is not None

    answered = ask_all(servers, list(expected), timeout, doubt, zone)
    return {str(server): answered[server] for server in servers}


def fill_in_hidden(
    session: Session, changes: Sequence[Change], answered: Mapping[RRsetKey, Answer]
) -> Mapping[RRsetKey, Answer]:
    """Return a server's answers, with what the records say in place of what the server can't show.

    `changes` have been applied; the records do not have them yet.
    """
    hidden = {change.key for change in changes if change.key in answered and answered[change.key].hidden}
    if not hidden:
        return answered
    filled = dict(answered)
    for key in hidden:
        own = [change for change in changes if change.key == key]
        state = recorded(session, own[0].zone, key)
        for change in own:
            state = state.after(change)
        filled[key] = Answer(state.ttl, state.exact or frozenset())
    return filled


def recorded(session: Session, zone: str, key: RRsetKey) -> Expectation:
    """Return the RRset as the records have it."""
    record = records.get(session, zone, key)
    rdata, ttl = (frozenset(record.rdata), record.ttl) if record else (frozenset[str](), None)
    return Expectation(exact=rdata, ttl=ttl, type=key.type)
