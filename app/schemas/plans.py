"""The shapes of plans, and of what somebody approves."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from operator import not_
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.domain.change import Action
from app.schemas.response import (
    LEFT_OUT,
    UNICODE,
    ContextOut,
    NameInUnicode,
    Problem,
    Reason,
    ReviewOut,
    ValuesInUnicode,
    ViewOfZone,
    WarningOut,
)


@dataclass(slots=True)
class RRsetOut:
    """An RRset; `ttl` is in seconds, null where not known."""

    ttl: int | None
    target: list[str]
    target_unicode: ValuesInUnicode = None


@dataclass(slots=True)
class ChangeOut:
    """What an item would change: the RRset before and after it; null: there is none, or none is known."""

    action: Action
    zone: str
    domain: str
    record_type: str
    before: RRsetOut | None
    after: RRsetOut | None
    before_known: Annotated[
        bool,
        Field(
            exclude_if=bool,
            description="false: none is recorded, and the servers, which may have one, were not asked or did"
            " not say; where they have one, the item fails with `state_changed`. Left out where it is true",
        ),
    ] = True
    domain_unicode: NameInUnicode = None
    view: ViewOfZone = None


@dataclass(slots=True)
class PlannedOut:
    """What would become of an item: applied, unchanged, failed or unknown; and who says so.

    Servers can only tell that it would be sent (`would_be_sent`): their policy shows when they are asked to.
    Where workers only simulate, no server is asked, and the simulation goes by the records.
    """

    by: Literal["records", "servers", "simulation"]
    outcome: str
    code: str | None
    message: str | None


@dataclass(slots=True)
class PtrOut:
    """A change of the PTR of an address, submitted when the address has succeeded."""

    address: str
    action: Action
    zone: str
    domain: str
    target: str
    ttl: int
    target_unicode: Annotated[str | None, Field(exclude_if=not_, description=f"`target` {UNICODE}")] = None
    view: ViewOfZone = None


@dataclass(slots=True)
class PlanResult:
    """One item of a plan: what it would change, or the reasons against it."""

    index: int
    status_code: int
    change: Annotated[ChangeOut | None, LEFT_OUT] = None
    forecast: Annotated[PlannedOut | None, LEFT_OUT] = None
    not_before: Annotated[
        datetime | None,
        LEFT_OUT,
        Field(description="when it would be queued; left out: at once. The plan is made of the state of now"),
    ] = None
    ptr: Annotated[list[PtrOut] | None, LEFT_OUT] = None
    review: Annotated[
        str | None, LEFT_OUT, Field(description="why somebody has to approve it; left out: nobody")
    ] = None
    warnings: Annotated[list[WarningOut] | None, LEFT_OUT] = None
    errors: Annotated[list[Reason] | None, LEFT_OUT] = None


@dataclass(slots=True)
class PlanOut:
    """The plan in the order of the items; `more_reasons` is that of a batch."""

    plan_id: Annotated[
        UUID | None, Field(description="by which it can be applied; null: there was no room to keep it")
    ]
    expires_at: datetime | None
    atomic: Annotated[bool, Field(description="whether all is made on the server, or nothing")]
    batch_id: Annotated[
        UUID | None, Field(description="the batch that it has become; null: it was not applied")
    ]
    results: list[PlanResult]
    more_reasons: Annotated[int | None, LEFT_OUT] = None
    applicable: Annotated[
        bool,
        Field(description="false: an apply is refused, since items are refused or `unknown`"),
    ] = True


@dataclass(slots=True)
class ReviewedChange:
    """A request that waits for an approval, and what it would change as the servers are now."""

    request_id: UUID
    context: ContextOut
    plan: PlanResult


@dataclass(slots=True)
class ReviewDetail(ReviewOut):
    """What is decided as one: in the order in which it was asked for."""

    state: Annotated[
        str, Field(description="what tells this from any other state; an approval may insist on it")
    ]
    changes: list[ReviewedChange]


class LeftOut(BaseModel):
    """An RRset that a rollback leaves as it is, and why."""

    domain: str
    record_type: str
    code: str
    message: str
    domain_unicode: NameInUnicode = None


@dataclass(slots=True)
class RollbackOut(PlanOut):
    """The plan that takes back what was done, and what it can't take back."""

    not_taken_back: list[LeftOut] = dataclasses.field(default_factory=list)


class MovedOut(BaseModel):
    """An RRset that has changed since it was planned; null where there is none, or none was recorded."""

    zone: str
    view: ViewOfZone = None
    domain: str
    domain_unicode: NameInUnicode = None
    record_type: str
    before: RRsetOut | None
    now: RRsetOut | None


class StalePlan(Problem):
    """Why a plan can't be applied any more, with the first 100 RRsets that have changed."""

    moved: list[MovedOut]
