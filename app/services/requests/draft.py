"""A change on its way in: as a client sent it, as it was read, as it may be stored, or why not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.domain.change import Action, RRsetState, Via
from app.domain.checks import Checks
from app.domain.errors import NOT_ALLOWED_CODES, Reason
from app.domain.permissions import Caller
from app.domain.rdata import RecordType
from app.domain.zone_choice import AskedZone
from app.domain.zone_settings import PLAIN, ZoneSettings
from app.schemas.request import Submission
from app.services.requests.authorise import NeedsReview

OF_NO_ZONE = PLAIN[Checks.WARN]


class RawChange(NamedTuple):
    """One change as a client sent it; the body is not validated yet."""

    action: Action
    body: object
    idempotency_key: str | None = None
    reasons: Sequence[Reason] = ()  # what the door has found against it
    via: Via = Via.API
    expect: RRsetState | None = None  # what must be there; services say so, and If-Match
    restores: bool = False  # an RRset that was there, so its values are not judged; likewise
    traceparent: str | None = None  # which its own sender has named


@dataclass(slots=True)
class Draft:
    """What a change says by itself, and the reasons against it; its zone is not known yet."""

    action: Action
    idempotency_key: str | None = None
    via: Via = Via.API
    submission: Submission | None = None
    name: str | None = None
    record_type: RecordType | None = None
    rdata: list[str] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    caller: Caller | None = None  # None: nobody has said who asks for it
    expect: RRsetState | None = None
    restores: bool = False  # what was there: its values are not judged
    undoes: UUID | None = None  # the request that it takes back
    ptr_of: UUID | None = None  # the request that has the address of which it keeps the PTR
    traceparent: str | None = None  # the span in which it is asked for, where traces are made
    cut_short: bool = False  # some reasons are missing, and what was not looked at

    @property
    def asked_zone(self) -> AskedZone | None:
        """The zone, or the view, that the change names itself; None: neither."""
        if self.submission is None:
            return None
        zone, view = self.submission.resource.zone, self.submission.resource.view
        return None if zone is None and view is None else AskedZone(zone, view, self.restores)

    def has_reason(self, loc: tuple[str | int, ...]) -> bool:
        """Return whether there is a reason against that place already."""
        return bool(self.reasons) and any(reason.loc[:2] == loc for reason in self.reasons)


@dataclass(slots=True)
class ValidChange:
    """A change that keeps every rule and lies in a zone that is served: it may be stored."""

    action: Action
    zone: str  # its key
    name: str
    record_type: RecordType
    ttl: int  # seconds
    rdata: list[str]
    account_id: str
    source: str
    via: Via
    comment: str | None
    extra_config: dict[str, Any]
    asked: dict[str, Any]  # the resource as it was asked for: without a TTL where none was given
    idempotency_key: str | None
    settings: ZoneSettings = OF_NO_ZONE  # of its zone
    not_before: datetime | None = None
    warnings: Sequence[Reason] = ()
    expect: RRsetState | None = None
    undoes: UUID | None = None
    ptr_of: UUID | None = None
    reason: str | None = None
    ticket: str | None = None
    traceparent: str | None = None
    review: NeedsReview | None = None  # somebody has to approve it


class Refused(NamedTuple):
    """All the reasons why a change can't be accepted; the only one, where its caller may not make it."""

    reasons: Sequence[Reason]

    @property
    def not_allowed(self) -> bool:
        """Whether it is refused for who asks, and not for what is asked for."""
        return bool(self.reasons) and all(reason.code in NOT_ALLOWED_CODES for reason in self.reasons)
