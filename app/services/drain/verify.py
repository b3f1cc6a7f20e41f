"""Ask the authoritative servers of a backend what they answer for the RRsets that were changed."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.orm import Session

from app.core.config import settings
from app.core.database import transaction
from app.domain.change import Change, RRsetKey
from app.domain.expectation import Answer, Expectation, expectations
from app.domain.settlement import Answers
from app.nameservers.errors import ServerUnreachable
from app.nameservers.resolver import ask_all
from app.runner.ansible.inventory import InventoryError, authoritative_servers
from app.store import records

SIMULATED = "the simulation"


def ask(backend: str | None, changes: Sequence[Change]) -> Answers:
    """What each authoritative server answers, by server, for every RRset that these changes touch."""
    keys = list(dict.fromkeys(change.key for change in changes))
    if backend is None or not keys:
        return {}
    if settings().executor == "simulated":
        return {SIMULATED: _pretend(changes)}
    servers = authoritative_servers(settings().inventory, backend)
    wanted = expectations(changes)
    said = ask_all(
        servers,
        keys,
        settings().verify_timeout,
        doubt=lambda key, answer: wanted[key].unmet(answer) is not None,
    )
    return {str(server): _by_key(keys, said[server]) for server in servers}


def unusable(backend: str) -> str | None:
    """Why the inventory lets nobody work with this backend; None when it does."""
    if settings().executor == "simulated":
        return None
    try:
        authoritative_servers(settings().inventory, backend)
    except InventoryError as error:
        return str(error)
    return None


def _by_key(
    keys: Iterable[RRsetKey], said: Mapping[RRsetKey, Answer] | ServerUnreachable
) -> Mapping[RRsetKey, Answer]:
    if isinstance(said, ServerUnreachable):
        return dict.fromkeys(keys, Answer(None, frozenset(), said.why))
    return said


def _pretend(changes: Sequence[Change]) -> dict[RRsetKey, Answer]:
    """What a server would answer that holds our records and took these changes."""
    with transaction() as session:
        state = {change.key: _recorded(session, change) for change in changes}
    for change in changes:
        state[change.key] = state[change.key].after(change)
    return {key: Answer(rrset.ttl, rrset.exact or frozenset()) for key, rrset in state.items()}


def _recorded(session: Session, change: Change) -> Expectation:
    record = records.get(session, change.zone, change.key)
    return Expectation(exact=frozenset(record.rdata if record else ()), ttl=record.ttl if record else None)
