"""Requests, and what the calls that ask for changes answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from dns_orchestrator.models.base import Model, Page

FINAL = frozenset({"succeeded", "failed", "cancelled", "rejected"})
# It takes a person, or time, until a worker gets these.
HELD = frozenset({"awaiting_approval", "scheduled"})


class Context(Model):
    """Who asked, from where as the client says, and by which door."""

    account_id: str
    source: str
    via: str
    not_before: datetime | None = None
    reason: str | None = None
    ticket: str | None = None


class RequestError(Model):
    """Why a request has failed."""

    code: str
    message: str


class Event(Model):
    """A line of a request's log."""

    at: datetime
    status: str
    message: str


class RRset(Model):
    """An RRset; with an empty `target` there is none. `ttl` is in seconds, None where it is not known."""

    ttl: int | None = None
    target: list[str]
    target_unicode: list[str] | None = None


class Obstacle(Model):
    """A fault of the zone or of its backend, for which a request waits."""

    code: str
    since: datetime


class Review(Model):
    """Why somebody has to approve requests, until when, and what was decided by whom."""

    why: str
    asked_by: str
    created_at: datetime
    expires_at: datetime
    verdict: str | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    comment: str | None = None


class ServerAnswer(Model):
    """What one authoritative server has answered last: as_asked, otherwise, no_answer or hidden."""

    server: str
    state: str
    message: str | None = None


class Warned(Model):
    """Something that may not be meant; the change is accepted all the same."""

    code: str
    message: str
    loc: list[str | int] = Field(default_factory=list)


class Request(Model):
    """A request, and how far it has come. What a call does not answer is None, or empty."""

    id: UUID
    action: str
    status: str
    zone: str
    view: str | None = None
    context: Context
    resource: Mapping[str, Any]
    created_at: datetime
    domain_unicode: str | None = None
    warnings: list[Warned] | None = None

    attempts: int | None = None
    run_id: UUID | None = None
    batch_id: UUID | None = None
    error: RequestError | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    verified_at: datetime | None = None

    before: RRset | None = None
    after: RRset | None = None
    undoes: UUID | None = None
    undone_by: UUID | None = None
    ptr_of: UUID | None = None
    ptr_requests: list[UUID] = Field(default_factory=list)
    servers: list[ServerAnswer] | None = None
    waits_for: Obstacle | None = None
    events: list[Event] = Field(default_factory=list)
    earlier_events: str | None = None
    review: Review | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it stays as it is, unless somebody retries it."""
        return self.status in FINAL

    @property
    def has_succeeded(self) -> bool:
        """Whether every authoritative server has answered as asked."""
        return self.status == "succeeded"

    @property
    def domain(self) -> str:
        """The owner name."""
        return str(self.resource.get("domain"))

    @property
    def record_type(self) -> str:
        """The type of the RRset."""
        return str(self.resource.get("record_type"))

    @property
    def targets(self) -> list[str]:
        """The values that it asks for; none where it deletes a whole RRset."""
        target = self.resource.get("target")
        return [] if target is None else [target] if isinstance(target, str) else list(target)

    @property
    def name(self) -> str:
        """What it is about, in words: the action, the owner name and the type."""
        return f"{self.action} {self.domain} {self.record_type}"


class RefusalReason(Model):
    """One reason why an item is refused; `type` is a stable code."""

    loc: list[str | int]
    msg: str
    type: str


class BatchItem(Model):
    """What became of one item of a batch: the stored request, or the reasons against it."""

    index: int
    status_code: int
    request: Request | None = None
    warnings: list[Warned] | None = None
    errors: list[RefusalReason] | None = None


class Batch(Model):
    """What a batch, or the apply of a plan, answers: the results in the order of its items."""

    results: list[BatchItem]
    batch_id: UUID | None = None
    more_reasons: int | None = None

    @property
    def requests(self) -> list[Request]:
        """The requests that were stored."""
        return [item.request for item in self.results if item.request is not None]

    @property
    def refused(self) -> list[BatchItem]:
        """The items that were not accepted."""
        return [item for item in self.results if item.request is None]


class BatchProgress(Model):
    """How far the requests of a batch have come."""

    id: UUID
    created_at: datetime
    requests: int
    open: int
    by_status: dict[str, int]


class ManyChanged(Model):
    """How many requests a call for many has changed. With a cursor there are more."""

    count: int
    next_cursor: str | None = None


class HistoryItem(Model):
    """What a request has done to an RRset."""

    id: UUID
    action: str
    status: str
    context: Context
    comment: str | None = None
    error: RequestError | None = None
    created_at: datetime
    finished_at: datetime | None = None
    before: RRset | None = None
    after: RRset | None = None
    undoes: UUID | None = None
    undone_by: UUID | None = None


class HistoryPage(Page[HistoryItem]):
    """The settled requests of an RRset, newest first."""

    domain_unicode: str | None = None
