"""Plans: what changes would do; and what somebody approves."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from dns_orchestrator.models.base import Model
from dns_orchestrator.models.requests import Context, RefusalReason, Review, RRset, Warned


class PlannedChange(Model):
    """What an item would change: the RRset before and after it; None: there is none, or none is known."""

    action: str
    zone: str
    view: str | None = None
    domain: str
    domain_unicode: str | None = None
    record_type: str
    before: RRset | None = None
    after: RRset | None = None
    before_known: bool = True


class Forecast(Model):
    """What would become of an item (applied, unchanged, failed, unknown), and who says so."""

    by: str
    outcome: str
    code: str | None = None
    message: str | None = None


class PlannedPtr(Model):
    """A change of the PTR of an address, which follows when the address has succeeded."""

    address: str
    action: str
    zone: str
    view: str | None = None
    domain: str
    target: str
    target_unicode: str | None = None
    ttl: int


class PlanItem(Model):
    """One item of a plan: what it would change, or the reasons against it."""

    index: int
    status_code: int
    change: PlannedChange | None = None
    forecast: Forecast | None = None
    not_before: datetime | None = None
    ptr: list[PlannedPtr] | None = None
    review: str | None = None
    warnings: list[Warned] | None = None
    errors: list[RefusalReason] | None = None


class LeftOut(Model):
    """An RRset that a rollback leaves as it is, and why."""

    domain: str
    domain_unicode: str | None = None
    record_type: str
    code: str
    message: str


class Plan(Model):
    """A plan in the order of its items. It can be applied until `expires_at`, if it is `applicable`."""

    plan_id: UUID | None = None
    expires_at: datetime | None = None
    atomic: bool
    batch_id: UUID | None = None
    results: list[PlanItem]
    more_reasons: int | None = None
    applicable: bool = True
    not_taken_back: list[LeftOut] = Field(default_factory=list)


class ReviewedChange(Model):
    """A request that waits for an approval, and what it would change as the servers are now."""

    request_id: UUID
    context: Context
    plan: PlanItem


class ReviewDetail(Review):
    """What is decided as one. An approval may insist on this `state`."""

    state: str
    changes: list[ReviewedChange]
