"""The shapes of what a client gets. Those made by the thousand are dataclasses: they are not validated."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from operator import not_
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.domain.approval import Verdict
from app.domain.change import Action, Via
from app.domain.checks import Checks
from app.domain.drift import DriftPolicy
from app.domain.lifecycle import Status
from app.domain.origin import DriftKind, ImportState, Origin
from app.domain.permissions import Effect
from app.domain.server_answers import AnswerState
from app.domain.zone_settings import PrivateAddresses

LEFT_OUT = Field(exclude_if=lambda value: value is None)  # there is no such field then
ViewOfZone = Annotated[
    str | None, LEFT_OUT, Field(description="in which `zone` lies; left out where it lies in none")
]
UNICODE = "with U-labels, as people read it (RFC 5890); left out where it has none"
NameInUnicode = Annotated[str | None, Field(exclude_if=not_, description=f"the owner name {UNICODE}")]
ValuesInUnicode = Annotated[list[str] | None, Field(exclude_if=not_, description=f"`target` {UNICODE}")]


@dataclass(slots=True)
class ContextOut:
    """Who asked, from where as the client says, and by which door."""

    account_id: str
    source: str
    via: Via
    not_before: Annotated[
        datetime | None,
        Field(exclude_if=not_, description="when it is queued; left out where none was given"),
    ] = None
    reason: Annotated[str | None, LEFT_OUT] = None
    ticket: Annotated[str | None, LEFT_OUT] = None


@dataclass(slots=True)
class Accepted:
    """A request as it was accepted."""

    id: UUID
    action: Action
    status: Status
    zone: str
    context: ContextOut
    resource: dict[str, Any]
    created_at: datetime
    domain_unicode: NameInUnicode = dataclasses.field(default=None, kw_only=True)
    view: ViewOfZone = dataclasses.field(default=None, kw_only=True)


class ErrorOut(BaseModel):
    """Why a request failed."""

    code: str
    message: str


class EventOut(BaseModel):
    """A line of the request's log."""

    at: datetime
    status: Status
    message: str


@dataclass(slots=True)
class RequestOut(Accepted):
    """A request and how far it has come."""

    attempts: int
    run_id: UUID | None
    error: ErrorOut | None
    started_at: datetime | None
    finished_at: datetime | None
    verified_at: Annotated[
        datetime | None,
        Field(description="when every server answered as asked; where none shows it, when the run had ended"),
    ]
    batch_id: UUID | None


class ObstacleOut(BaseModel):
    """A fault of the zone or of its backend, which keeps the request waiting. `GET /backends` has more."""

    code: str
    since: datetime


class StateOut(BaseModel):
    """An RRset as it was; with an empty `target` there was none. `ttl`: seconds, null: not known."""

    ttl: int | None
    target: list[str]
    target_unicode: ValuesInUnicode = None


@dataclass(slots=True)
class ReviewOut:
    """Why somebody has to approve requests, until when, and what was decided by whom."""

    why: str
    asked_by: Annotated[str, Field(description="a principal")]
    created_at: datetime
    expires_at: Annotated[datetime, Field(description="then what nobody has approved is rejected")]
    verdict: Annotated[Verdict | None, Field(description="null: none yet")]
    decided_at: datetime | None
    decided_by: Annotated[str | None, Field(description="a principal; null: nobody")]
    comment: str | None


class ServerAnswerOut(BaseModel):
    """What one authoritative server has answered, when it was last asked for the request's RRset."""

    server: str
    state: Annotated[
        AnswerState,
        Field(
            description="no_answer: also one that decides nothing; hidden: a delegation, a DNAME or a"
            " child zone covers the RRset there, so that no answer can show it"
        ),
    ]
    message: Annotated[str | None, Field(description="what is not as asked; null: nothing")]


@dataclass(slots=True)
class RequestDetail(RequestOut):
    """A request with what it has changed, and the end of its log."""

    before: Annotated[
        StateOut | None, Field(description="the RRset that was there before it; null: nobody has told")
    ]
    after: Annotated[
        StateOut | None,
        Field(description="the RRset that it has made, as the servers answered; null: not known, or not yet"),
    ]
    undoes: Annotated[UUID | None, Field(description="the request that it takes back")]
    undone_by: Annotated[UUID | None, Field(description="the last request that was to take it back")]
    ptr_of: Annotated[UUID | None, Field(description="the request of whose address it keeps the PTR")]
    ptr_requests: Annotated[
        list[UUID], Field(description="the requests that keep the PTRs of its addresses, oldest first")
    ]
    servers: Annotated[
        list[ServerAnswerOut] | None,
        Field(
            description="what each authoritative server has answered last, also one that lags behind; empty:"
            " none was asked yet; null: not for you to see"
        ),
    ]
    waits_for: Annotated[
        ObstacleOut | None,
        Field(description="the fault of its zone or backend for which it waits; null: there is none"),
    ]
    events: list[EventOut]
    earlier_events: Annotated[
        str | None,
        Field(description="`cursor` for `GET …/events`, where the log begins earlier than `events` does"),
    ]

    review: Annotated[
        ReviewOut | None, LEFT_OUT, Field(description="the last one that it was part of; left out: none")
    ] = None


class EventPage(BaseModel):
    """Lines of a request's log, newest first."""

    items: list[EventOut]
    next_cursor: str | None


class RequestPage(BaseModel):
    """Requests, newest first. A page can be short, even empty: the last one has no cursor."""

    items: list[RequestOut]
    next_cursor: str | None


@dataclass(slots=True)
class HistoryItem:
    """What a request has done to an RRset: the RRset before and after it; null: not known."""

    id: UUID
    action: Action
    status: Status
    context: ContextOut
    comment: str | None
    error: ErrorOut | None
    created_at: datetime
    finished_at: datetime | None
    before: StateOut | None
    after: StateOut | None
    undoes: UUID | None
    undone_by: UUID | None


class HistoryPage(BaseModel):
    """The settled requests of an RRset, newest first. A page can be short: the last one has no cursor."""

    items: list[HistoryItem]
    next_cursor: str | None
    domain_unicode: NameInUnicode = None


class BatchProgress(BaseModel):
    """How far the requests of a batch have come."""

    id: UUID
    created_at: datetime
    requests: int
    open: int
    by_status: dict[Status, int]


class ManyChanged(BaseModel):
    """How many requests were changed. Where there is a cursor, call again with it for the rest."""

    count: int
    next_cursor: str | None


class RecordOut(BaseModel):
    """An RRset as the authoritative servers answer it."""

    zone: str
    view: ViewOfZone = None
    domain: str
    domain_unicode: str = Field(description="the owner name with U-labels, as people read it (RFC 5890)")
    record_type: str
    ttl: int
    target: list[str]
    target_unicode: ValuesInUnicode = None
    account_id: Annotated[
        str | None, Field(description="whose request changed it last; null, as the next three: another one's")
    ]
    owner: Annotated[str | None, Field(description="to whom it belongs; null: nobody has made it here")]
    request_id: UUID | None
    origin: Annotated[
        Origin, Field(description="what has left it so: a request, an import, or drift that was adopted")
    ]
    comment: str | None
    created_at: datetime
    updated_at: datetime


class RRsetOfZone(RecordOut):
    """An RRset with what `If-Match` takes, as the header `ETag` has it, too."""

    etag: str


class RecordPage(BaseModel):
    """Records by zone, name and type. A page can be short, even empty: the last one has no cursor."""

    items: list[RecordOut]
    next_cursor: str | None


class ThresholdOut(BaseModel):
    """How many RRsets one batch may change; null: any number."""

    number: int | None
    percent: int | None


class ZoneFindingOut(BaseModel):
    """What one server of a zone said when it was asked for something that the zone needs."""

    server: str
    need: Annotated[
        Literal["answer", "update", "api", "transfer"],
        Field(description="to answer with authority, take updates (by DNS, or its API), transfer the zone"),
    ]
    code: Annotated[str | None, Field(description="null: it does")]
    message: str


class ZoneCheckOut(BaseModel):
    """Whether the servers of a zone do what it needs."""

    state: Annotated[
        Literal["well", "faulty", "unknown"],
        Field(description="faulty: `findings` says what is missing; unknown: `why` nobody was asked"),
    ]
    at: datetime
    why: str | None
    findings: list[ZoneFindingOut]


class ZoneServerOut(BaseModel):
    """What one server of a zone answered for its serial."""

    server: str
    serial: Annotated[int | None, Field(description="null: it has not answered one yet")]
    since: Annotated[datetime, Field(description="when this serial was first seen there")]
    error: Annotated[str | None, Field(description="why it does not answer one now; null: it does")]


class ImportErrorOut(BaseModel):
    """Why an import has failed."""

    code: str
    message: str


class ImportOut(BaseModel):
    """The last import of a zone."""

    zone: str
    state: Annotated[ImportState | None, Field(description="null: there was none")]
    source: Annotated[str | None, Field(description="transfer, file or catalog")]
    wanted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    rrsets: Annotated[int | None, Field(description="how many were read so far")]
    error: ImportErrorOut | None
    result: Annotated[
        dict[str, Any] | None,
        Field(description="what it has found: how many were `added`, and `candidates` for drift"),
    ]
    imported_at: Annotated[datetime | None, Field(description="null: the zone is not known as a whole")]
    serial: Annotated[int | None, Field(description="up to which what is recorded is true")]


class ZoneOut(BaseModel):
    """A zone that is served, and the settings that are in effect in it."""

    name: Annotated[str, Field(description="the DNS name")]
    view: Annotated[str | None, Field(description="in which it lies; null: in none")]
    key: Annotated[str, Field(description="what it is called in other calls: the name, or name@view")]
    backend: Annotated[str | None, Field(description="null: it is not for you to see")]
    checks: Checks
    default_ttl: int
    min_ttl: int
    max_ttl: int
    allowed_types: Annotated[list[str] | None, Field(description="null: all that are known by their names")]
    unknown_types: bool
    protected_names: list[str]
    private_addresses: PrivateAddresses
    owner: str | None
    others: Effect
    reserved: Annotated[
        dict[str, str],
        Field(description="by pattern the account; without those that the caller does not read"),
    ]
    max_deletes: ThresholdOut
    max_changes: ThresholdOut
    approvers: Annotated[list[str], Field(description="accounts that approve; none: only admins do")]
    approval_timeout: Annotated[int | None, Field(description="seconds; null: as APPROVAL_TIMEOUT says")]
    ungranted: Literal[Effect.DENY, Effect.REVIEW]
    drift: DriftPolicy
    set: Annotated[list[str], Field(description="the settings that were set; the others are the defaults")]
    check: Annotated[
        ZoneCheckOut | None,
        Field(None, description="the last one; null: there was none, or it is not for you to see"),
    ]
    created_at: datetime
    updated_at: datetime


class ZoneDetail(ZoneOut):
    """A zone, and what the watcher has seen of it."""

    import_: Annotated[
        ImportOut | None,
        Field(alias="import", description="the last one; null: there was none, or it is not for you to see"),
    ]
    serial: Annotated[int | None, Field(description="of the primary, up to which the records are true")]
    servers: Annotated[
        list[ZoneServerOut] | None,
        Field(description="the primary first; null: nobody has looked yet, or it is not for you to see"),
    ]
    looked_at: Annotated[datetime | None, Field(description="when the servers were last asked")]


class ZoneList(BaseModel):
    """Every zone, by name."""

    items: list[ZoneOut]


class Fault(BaseModel):
    """What keeps a backend or a zone from working; `next_try` is null while it is being tried."""

    since: datetime
    code: str
    why: str
    next_try: datetime | None


class RestingZone(Fault):
    """A zone with a fault of its own: the backend's other zones go on."""

    zone: str


class BackendOut(BaseModel):
    """A DNS service, which zones are served by."""

    name: str
    state: Literal["well", "resting", "probing", "unknown"] = Field(
        description="of its circuit breaker: closed, open, half-open; or no worker's inventory has it"
    )
    seen_at: datetime | None = Field(
        description="when a worker last published it, as it does every five minutes; null: none ever did"
    )
    fault: Fault | None
    zones: int
    open_requests: int = Field(description="without those that are scheduled; 10,000 stands for more, too")
    honours: list[str] | None = Field(
        description="the conditions of changes that its playbook honours: expect, group; null: not known"
    )
    resting_zones: list[RestingZone]


class BackendList(BaseModel):
    """Every backend, by name."""

    items: list[BackendOut]


class Reason(BaseModel):
    """One reason why the input is refused; `type` is a stable code."""

    loc: list[str | int]
    msg: str
    type: str


class RRsetStateOut(BaseModel):
    """An RRset."""

    ttl: int | None
    target: list[str]


class DriftOut(BaseModel):
    """An RRset that the primary has otherwise than it is recorded."""

    domain: str
    domain_unicode: str
    record_type: str
    kind: DriftKind
    recorded: Annotated[RRsetStateOut | None, Field(description="null: there was none")]
    found: Annotated[RRsetStateOut | None, Field(description="null: there is none any more")]
    serial: Annotated[int | None, Field(description="of the primary when it was found; null: not known")]
    found_at: datetime
    restored_by: Annotated[
        UUID | None, Field(description="the last request that was to restore what is recorded")
    ]


class DriftPage(BaseModel):
    """What has drifted in a zone, by name and type, and up to when that is known."""

    zone: str
    imported_at: Annotated[
        datetime | None, Field(description="null: it is not known as a whole, and its drift is not watched")
    ]
    serial: Annotated[int | None, Field(description="of the primary, up to which its changes were read")]
    looked_at: Annotated[datetime | None, Field(description="when the servers were last asked")]
    compared_at: Annotated[datetime | None, Field(description="when the whole zone was last compared")]
    comparison_wanted: Annotated[bool, Field(description="somebody has asked for that, and it is to come")]
    error: Annotated[str | None, Field(description="why its changes can't be read; null: they can")]
    drifted: Annotated[int, Field(description="RRsets; 100,000 stands for more, too")]
    candidates: Annotated[int, Field(description="RRsets of which that is not decided yet")]
    items: list[DriftOut]
    next_cursor: str | None


class AdoptedOut(BaseModel):
    """What was adopted: it is recorded as it was found."""

    adopted: int
    items: Annotated[list[DriftOut], Field(description="the first 1,000")]


class RestoredOut(BaseModel):
    """An RRset that is to be restored: the request for it, or the reasons against one."""

    domain: str
    record_type: str
    request_id: UUID | None
    status: Annotated[Status | None, Field(description="of the request, as the call has left it")]
    error: Annotated[
        ErrorOut | None, Field(description="why it has failed, where the call has waited for it")
    ]
    errors: list["Reason"]


class RestoredList(BaseModel):
    """What is to be restored, as a batch of requests; there may be more than MAX_BATCH_ITEMS: call again."""

    batch_id: Annotated[UUID | None, Field(description="null: nothing could be submitted")]
    items: list[RestoredOut]


@dataclass(slots=True)
class AcceptedWithWarnings(Accepted):
    """The same, with what may not be meant, where there is such a thing."""

    warnings: "list[WarningOut] | None" = None


@dataclass(slots=True)
class AcceptedUndo(Accepted):
    """A request as it was accepted, and the one that it takes back."""

    undoes: UUID


@dataclass(slots=True)
class WarningOut:
    """Something that may not be meant, or that some servers refuse; the change is accepted."""

    code: str
    message: str
    loc: list[str | int]


class Refused(BaseModel):
    """All the reasons at once."""

    detail: list[Reason]


class Problem(BaseModel):
    """Any other error; `code` is stable, and there where a program may want to tell it from others."""

    detail: str
    code: str | None = None


@dataclass(slots=True)
class BatchResult:
    """What became of one item of a batch: the stored request, or the reasons against it."""

    index: int
    status_code: int
    request: Accepted | None = None
    warnings: list[WarningOut] | None = None
    errors: list[Reason] | None = None


@dataclass(slots=True)
class BatchOut:
    """The results in the order of the items.

    An answer gives at most 1,000 reasons: `more_reasons` is how many there are against items without any.
    """

    results: list[BatchResult]
    batch_id: UUID | None = None  # without one nothing was stored
    more_reasons: int | None = None


class BacklogOut(BaseModel):
    """How many requests are not settled yet, roughly, and how many may be (0: any number).

    Scheduled ones are not counted. Where one has to say who one is, nobody is told how many are open.
    """

    open: int | None
    limit: int
    full: bool


class Readiness(BaseModel):
    """Whether each dependency answers: "ok" or "unavailable"; and whether changes are only simulated."""

    status: str
    executor: Literal["ansible", "simulated"]
    auth: Literal["off", "required"]  # off: whoever reaches the API may make every change
    dependencies: dict[str, str]
    problems: Annotated[list[str], Field(description="what is wrong, and what to do about it, for people")]
    # by name, the code of the fault, as `GET /api/v1/backends` has it; null where one has to say who one is
    unavailable_backends: dict[str, str] | None
    worker_seen_s: Annotated[
        float | None, Field(description="seconds since a worker was last there; null: none has ever been")
    ]
    backlog: BacklogOut
