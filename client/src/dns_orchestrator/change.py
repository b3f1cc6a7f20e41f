"""A change of an RRset, as a person says it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self, TypedDict

from pydantic import BaseModel, ConfigDict

Action = Literal["create", "update", "upsert", "delete"]


class ChangeOptions(TypedDict, total=False):
    """What a change may say besides its owner name, type and values. `ttl` is in seconds."""

    ttl: int | None
    priority: int | None
    extra_config: Mapping[str, Any] | None
    manage_ptr: bool | None
    comment: str | None
    zone: str | None
    view: str | None
    account_id: str | None
    source: str | None
    not_before: datetime | str | None
    reason: str | None
    ticket: str | None


class Change(BaseModel):
    """What is asked for: an action on an RRset. Without `target` a delete removes the whole RRset.

    Nothing is judged here: the API does that, and gives all that is wrong at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Action = "upsert"
    domain: str
    record_type: str
    target: str | list[str] | None = None
    ttl: int | None = None
    priority: int | None = None
    extra_config: dict[str, Any] | None = None
    manage_ptr: bool | None = None
    comment: str | None = None
    zone: str | None = None
    view: str | None = None
    account_id: str | None = None
    source: str | None = None
    not_before: datetime | str | None = None
    reason: str | None = None
    ticket: str | None = None
    idempotency_key: str | None = None

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Return the change of a body as the API has it. Raises KeyError, TypeError, ValueError."""
        resource = dict(body["resource"])
        config = resource.pop("config", {})
        rest = {name: value for name, value in body.items() if name not in ("context", "resource")}
        return cls(**{**body.get("context", {}), **resource, **config, "action": "create", **rest})

    @property
    def name(self) -> str:
        """What it is about, in words."""
        return f"{self.action} {self.domain} {self.record_type}"

    def body(self, account_id: str | None = None, source: str | None = None) -> dict[str, Any]:
        """Return the body of the API's call. The account and the source count where the change has none."""
        context = _given(
            account_id=self.account_id or account_id,
            source=self.source or source,
            not_before=self.not_before.isoformat()
            if isinstance(self.not_before, datetime)
            else self.not_before,
            reason=self.reason,
            ticket=self.ticket,
        )
        config = _given(
            ttl=self.ttl, priority=self.priority, manage_ptr=self.manage_ptr, extra_config=self.extra_config
        )
        resource = _given(
            record_type=self.record_type,
            domain=self.domain,
            target=self.target,
            zone=self.zone,
            view=self.view,
            comment=self.comment,
            config=config or None,
        )
        return {"context": context, "resource": resource}

    def item(self, account_id: str | None = None, source: str | None = None) -> dict[str, Any]:
        """Return the item of a batch."""
        more = _given(action=self.action, idempotency_key=self.idempotency_key)
        return self.body(account_id, source) | more


def _written(time: datetime | str | None) -> str | None:
    return time.isoformat() if isinstance(time, datetime) else time


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
