"""Warn of a plan that can't be applied: what is applied from one has conditions."""

from collections.abc import Sequence
from dataclasses import replace

from app.core.database import AnySession
from app.domain.errors import Reason
from app.domain.places import DOMAIN
from app.services.plan.from_records import Planned
from app.services.requests.draft import Refused
from app.services.requests.honours import why_not_honoured


def warn_of_not_honoured(
    session: AnySession, planned: Sequence[Planned | Refused], *, grouped: bool
) -> Sequence[Planned | Refused]:
    """Return the items; the first one of a zone warns where its playbook is known not to honour them.

    Each change that is applied from a plan expects the RRset before it, and those that are `grouped` are all
    or none.
    """
    conditions = {"expect", "group"} if grouped and len(planned) > 1 else {"expect"}
    zones = {item.effect.change.zone for item in planned if isinstance(item, Planned)}
    against = why_not_honoured(session, dict.fromkeys(zones, conditions))
    if not against:
        return planned
    return [
        _warned(item, against.pop(item.effect.change.zone, None)) if isinstance(item, Planned) else item
        for item in planned
    ]


def _warned(item: Planned, reason: Reason | None) -> Planned:
    if reason is None:
        return item
    warning = Reason(DOMAIN, reason.code, f"this plan can't be applied: {reason.message}")
    return replace(item, effect=replace(item.effect, warnings=(*item.effect.warnings, warning)))
