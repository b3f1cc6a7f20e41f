"""The change that restores an RRset, of an undo or a rollback, as a client might have sent it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.domain.change import RRsetKey
from app.domain.inverse import Inverse
from app.domain.rdata import RecordType, fields_of_value
from app.services.requests.draft import RawChange


def restoring_change(
    zone: str,
    key: RRsetKey,
    found: Inverse,
    *,
    account_id: str,
    source: str | None,
    not_before: datetime | None,
    comment: str | None,
    reason: str | None = None,
    ticket: str | None = None,
    extra_config: Mapping[str, Any],
    keeps_ptrs: bool,
) -> RawChange:
    """Return the inverse as a change; fields of `extra_config` that are part of values are not those of then.

    It does not expect anything yet: an undo expects what its request has made, a rollback what was planned.
    """
    of_value = fields_of_value(RecordType(key.type))
    config = {
        "ttl": found.restored.ttl,
        "extra_config": {name: value for name, value in extra_config.items() if name not in of_value},
        "manage_ptr": keeps_ptrs or None,
    }
    resource = {
        "record_type": key.type,
        "domain": key.name,
        "target": list(found.restored.rdata),
        "zone": zone,
        "comment": comment,
        "config": _given(config),
    }
    when = not_before.isoformat() if not_before else None  # the change may be kept as JSON
    context = {
        "account_id": account_id,
        "source": source,
        "not_before": when,
        "reason": reason,
        "ticket": ticket,
    }
    body = {"context": _given(context), "resource": _given(resource)}
    return RawChange(found.action, body, restores=True)


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, [], {})}
