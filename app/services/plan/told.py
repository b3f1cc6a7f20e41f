"""A plan as somebody may read it: requesters are not told what is meant for operators."""

from dataclasses import replace

from app.domain.permissions import Principal
from app.domain.told import of_plan
from app.services.plan.from_records import Planned


def as_told(item: Planned, reader: Principal) -> Planned:
    """Return what one change would do, in the words for the reader."""
    if reader.reads_in_full:
        return item
    effect, planned = item.effect, item.effect.planned
    # No server has a word in it; but names of others are.
    is_ours = item.by == "records" and planned.code != "dname_above_data"
    message = planned.message if is_ours else of_plan(planned.outcome, planned.code)
    warnings = tuple(each._replace(message=each.told or each.message) for each in effect.warnings)
    told = replace(effect, planned=replace(planned, message=message), warnings=warnings)
    return replace(item, effect=told)
