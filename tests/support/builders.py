"""Builds what tests ask for: bodies for the HTTP API, and changes as the app passes them to a playbook.

Owner names are relative to the zone, as in a zone file; "@" is its apex.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from app.domain.change import Action, Change

ZONE = "example.test"

HOSTILE: dict[str, Any] = {  # what would stop Ansible's own readers, were it written as it is
    "comment": "{{ 1 / 0 }} \N{PARTY POPPER}",
    "extra_config": {
        "__ansible_unsafe": "x",
        "__ansible_type": ["x"],
        "__ansible_vault": {"{{ 1 }}": "{% raw %}"},
        "{{ 1 / 0 }}": {"__ansible_vault": "{% x %}"},
    },
}


def full_name(owner: str, zone: str) -> str:
    """The absolute name of an owner, without the final dot."""
    return zone if owner == "@" else f"{owner}.{zone}"


def time_after(seconds: float) -> str:
    """The time so many seconds from now, as RFC 3339 writes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def body(
    zone: str,
    /,
    owner: str = "www",
    *,
    record_type: Any = "A",
    target: Any = "192.0.2.1",
    account: str = "team-a",
    action: str | None = None,
    idempotency_key: str | None = None,
    not_before: str | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """A request's body: that of a single call or, with an action or a key, an item of a batch.

    `fields` are added to its resource, or replace what it has there.
    """
    plain = {"record_type": record_type, "domain": full_name(owner, zone), "target": target}
    envelope = {"action": action, "idempotency_key": idempotency_key}
    return {
        "context": {"account_id": account} | ({"not_before": not_before} if not_before else {}),
        "resource": plain | fields,
        **{name: value for name, value in envelope.items() if value is not None},
    }


def change(
    action: str,
    owner: str,
    rdtype: str,
    *rdata: str,
    zone: str = ZONE,
    ttl: int = 300,
    comment: str | None = None,
    extra_config: dict[str, Any] | None = None,
) -> Change:
    """A change to an RRset, of a request with a new id, as the app has it."""
    return Change(
        uuid4(),
        Action(action),
        zone,
        full_name(owner, zone),
        rdtype,
        ttl,
        rdata,
        comment,
        extra_config or {},
    )
