"""Warn of a plan that is a mass change: it is applied only by a call that allows that."""

from collections.abc import Sequence
from dataclasses import replace

from app.core.database import reading
from app.domain.errors import Reason
from app.domain.places import DOMAIN
from app.services.plan.from_records import Planned
from app.services.requests.mass_change import why_planned_is_mass_change


def warn_of_mass_change(planned: Sequence[Planned]) -> list[Planned]:
    """Return the items; the first one warns of each threshold that they are over together."""
    with reading() as session:
        reasons = why_planned_is_mass_change(session, [item.effect.change for item in planned])
    if not reasons:
        return list(planned)
    words = "this plan can't be applied as it is"
    warnings = [Reason(DOMAIN, reason.code, f"{words}: {reason.message}") for reason in reasons]
    first, *others = planned
    effect = replace(first.effect, warnings=(*first.effect.warnings, *warnings))
    return [replace(first, effect=effect), *others]
