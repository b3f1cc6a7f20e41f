"""Conditions that the playbook of a backend is known not to honour: such changes fail when they are run."""

from collections.abc import Mapping, Sequence

from app.core.database import AnySession
from app.domain.errors import Reason
from app.services.requests.draft import Refused, ValidChange
from app.store import backends

Conditions = Mapping[str, set[str]]  # "expect" and "group", by the zone in which changes have them


def conditions_of(changes: Sequence[ValidChange], *, grouped: bool) -> Conditions:
    """Return the conditions that these changes have, `grouped` ones also that of being all or none."""
    found: dict[str, set[str]] = {}
    is_group = grouped and len(changes) > 1
    for change in changes:
        if is_group or change.expect is not None:
            conditions = found.setdefault(change.zone, set())
            conditions |= {"group"} if is_group else set()
            conditions |= {"expect"} if change.expect is not None else set()
    return found


def why_not_honoured(session: AnySession, conditions: Conditions) -> dict[str, Reason]:
    """Return a reason for each zone where one of the conditions is known not to be honoured.

    What no worker has published is not known; the run finds it out.
    """
    known = backends.honours_of_zones(session, conditions) if conditions else {}
    found: dict[str, Reason] = {}
    for zone, honours in known.items():
        if missing := sorted(conditions[zone] - honours):
            message = (
                f"the playbook that serves {zone} is not known to honour {' and '.join(missing)}"
                " (dns_honours of its host)"
            )
            found[zone] = Reason(("requests",), "not_honoured", message)
    return found


def refuse_not_honoured(
    session: AnySession, placed: Sequence[ValidChange | Refused]
) -> Sequence[ValidChange | Refused]:
    """Return the changes, but Refused for each that expects something and would not be sent for that."""
    expecting = [change for change in placed if isinstance(change, ValidChange) and change.expect is not None]
    against = why_not_honoured(session, conditions_of(expecting, grouped=False)) if expecting else {}
    if not against:
        return placed
    return [
        Refused([against[change.zone]._replace(loc=())])
        if isinstance(change, ValidChange) and change.expect is not None and change.zone in against
        else change
        for change in placed
    ]
