"""The shapes of what a client sends."""

import re
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.domain.change import Action
from app.domain.checks import Checks
from app.domain.drift import DriftPolicy
from app.domain.errors import InvalidName
from app.domain.lifecycle import Status
from app.domain.name_patterns import read_pattern
from app.domain.permissions import Effect
from app.domain.rdata import RecordType
from app.domain.read_zone import read_view
from app.domain.reasons import MAX_REASONS
from app.domain.zone_settings import (
    DEFAULT_TTL,
    MAX_PATTERN_BYTES,
    MAX_PATTERNS,
    MAX_TTL,
    PrivateAddresses,
)

# No control characters: they are never meant, and PostgreSQL cannot hold NUL in a text.
LINE = r"^[^\x00-\x1f\x7f]*$"
PROSE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"

# The name of an inventory host.
BACKEND = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$"
Backend = Annotated[str, StringConstraints(pattern=BACKEND)]
# What a client says it comes from.
SOURCE = r"^[A-Za-z0-9._-]{1,64}$"
Source = Annotated[str, StringConstraints(pattern=SOURCE)]


def _require_view(text: str) -> str:
    try:
        read_view(text)
    except InvalidName as error:
        raise PydanticCustomError(error.code, "{words}", {"words": str(error)}) from error
    return text


ViewName = Annotated[
    str,
    AfterValidator(_require_view),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"}),
]
Line = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=LINE)]
Why = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=PROSE)]
Ticket = Line  # a number, an address
# No blanks around it, no control characters of any set, and none that changes how the rest is shown (bidi,
# zero width): two accounts that look alike are one.
_HIDDEN = r"\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
_BLANK = r"\s\u00a0\u3000"
ACCOUNT = rf"^[^{_HIDDEN}{_BLANK}]([^{_HIDDEN}]*[^{_HIDDEN}{_BLANK}])?$"
Account = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=ACCOUNT)]
Person = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=ACCOUNT)]
STATE = "^[0-9a-f]{64}$"  # of a review: a digest
MAX_TARGET = 262_144  # characters: a text of 64,000 octets in which each is written by its number
Target = Annotated[str, StringConstraints(max_length=MAX_TARGET)]
VIA_HEADER = "orchestrator-via"  # by which a caller that is a door itself, the consumer say, names itself
MAX_VALUES = 100  # BIND's limit for one RRset, max-records-per-type


def _require_text(value: object) -> object:
    """Refuse a number of seconds, which pydantic takes for a time."""
    if not isinstance(value, str) or not re.match(r"\d{4}-", value):
        raise PydanticCustomError(
            "datetime_type", "Input should be a time as RFC 3339 writes it, such as 2026-12-01T02:00:00+01:00"
        )
    return value


Timestamp = Annotated[AwareDatetime, BeforeValidator(_require_text)]


def _kind(target: object) -> str | None:
    """Tell by the type which branch of the union is meant, so that one fault has one reason."""
    return "text" if isinstance(target, str) else "list" if isinstance(target, list) else None


Targets = Annotated[
    Annotated[Target, Tag("text")]
    | Annotated[list[Target], Field(min_length=1, max_length=MAX_VALUES), Tag("list")],
    Discriminator(_kind, custom_error_type="string_type"),
]

# A type by its name, or one that is known by its number alone (RFC 3597 5).
Type = Annotated[
    RecordType,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": [record_type.value for record_type in RecordType]},
                {"type": "string", "pattern": "^TYPE[0-9]{1,5}$"},
            ]
        }
    ),
]


CHECKS = "what becomes of changes that BIND's check-names would refuse"


class Strict(BaseModel):
    """A shape that refuses unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StrictBody(Strict):
    """A whole body, of which a client may fill megabytes with fields that are unknown."""

    @model_validator(mode="before")
    @classmethod
    def _is_not_crowded(cls, body: object) -> object:
        """Refuse very many fields at once: an error for each takes seconds."""
        if isinstance(body, dict) and len(body) > len(cls.model_fields) + MAX_REASONS:
            message = "{count} fields, where there are only these: {names}"
            names = ", ".join(cls.model_fields)
            raise PydanticCustomError("extra_forbidden", message, {"count": len(body), "names": names})
        return body


class Context(Strict):
    """Who asks, and from where."""

    account_id: Account
    source: Source | None = Field(
        None, description="a label of the client's choice; the door by which the request came unless given"
    )
    not_before: Timestamp | None = Field(
        None, description="when to queue it, at most 366 days ahead; a time that has passed means now"
    )
    reason: Why | None = Field(
        None, description="why it is asked for: for those who approve it, and the audit"
    )
    ticket: Ticket | None = Field(None, description="where more is said about it")


class Config(Strict):
    """The parts of a record besides its name, type and target."""

    ttl: int | None = Field(
        None,
        ge=0,
        le=MAX_TTL,
        strict=True,
        description=f"seconds (RFC 2181, section 8); unless given the zone's default, or else {DEFAULT_TTL}",
    )
    priority: int | None = Field(
        None, ge=0, le=65_535, strict=True, description="of types with one, such as MX and SRV"
    )
    manage_ptr: bool | None = Field(
        None, strict=True, description="A, AAAA: also keep the PTR of each address, where its zone is served"
    )
    extra_config: dict[str, Any] = Field(
        default_factory=dict,
        description="SRV: weight and port; URI: weight; anything else is handed on to the playbook",
    )


class Resource(Strict):
    """The record that is asked for."""

    record_type: Type
    domain: str = Field(max_length=1024, description="the owner name", examples=["www.example.test"])
    target: Targets | None = Field(
        None, description="the value, or a list of them; a delete without one removes the whole RRset"
    )
    zone: str | None = Field(
        None,
        max_length=1024,
        description="the zone, where not the longest match of `domain` is meant: above a delegation; with its"
        " view, as example.test@internal, or without",
    )
    view: ViewName | None = Field(
        None, description="the view, where zones of one name are served in several", examples=["internal"]
    )
    comment: str | None = Field(None, max_length=1000, pattern=PROSE)
    config: Config = Field(default_factory=Config)


class Submission(Strict):
    """One change of one RRset."""

    context: Context
    resource: Resource


class RRsetContext(Strict):
    """Who asks, and why: as `Context`."""

    account_id: Account | None = Field(None, description="that of the caller, where it has one only")
    source: Source | None = None
    not_before: Timestamp | None = None
    reason: Why | None = None
    ticket: Ticket | None = None


class RRsetContent(Strict):
    """What an RRset is to be: as `Resource`, without what the path says."""

    target: Targets
    comment: str | None = Field(None, max_length=1000, pattern=PROSE)
    config: Config = Field(default_factory=Config)


class PutRRset(Strict):
    """An RRset, as it is to be."""

    context: RRsetContext = Field(default_factory=RRsetContext)
    resource: RRsetContent


class DeleteRRset(Strict):
    """Who wants an RRset away. Nothing of it need be given."""

    context: RRsetContext = Field(default_factory=RRsetContext)


class Envelope(BaseModel):
    """What an item of a batch holds besides the body of a single call."""

    action: Action = Action.CREATE
    idempotency_key: Line | None = None
    traceparent: str | None = Field(
        None,
        max_length=200,
        description="the trace that it belongs to (W3C Trace Context); that of the call unless given",
    )


class BatchItem(Submission, Envelope):
    """One change in a batch."""


class Batch(StrictBody):
    """Many changes. Each is judged by itself: a bad one never sinks the others."""

    requests: list[Annotated[Any, WithJsonSchema({"$ref": "#/components/schemas/BatchItem"})]]
    atomic: bool = Field(False, strict=True, description="all or none, here and on the server")
    allow_mass_change: bool = Field(
        False, strict=True, description="do it even if it changes more than a zone's thresholds allow"
    )


class Plan(Batch):
    """Changes to plan: none is made. With `ask_servers` a worker asks the DNS servers."""

    ask_servers: bool = Field(False, strict=True)


class UndoContext(Strict):
    """Who asks for an undo, or a rollback."""

    account_id: Account | None = Field(None, description="that of the request that is undone unless given")
    source: Source | None = Field(None, description="the door by which it came unless given")
    not_before: Timestamp | None = Field(None, description="when to queue it, at most 366 days ahead")
    reason: Why | None = Field(None, description="for those who approve it, and the audit")
    ticket: Ticket | None = Field(None, description="where more is said about it")


class Undo(StrictBody):
    """Who asks for an undo, and why. Nothing of it need be given."""

    context: UndoContext = Field(default_factory=UndoContext)
    comment: str | None = Field(
        None, max_length=1000, pattern=PROSE, description="that of the request unless given"
    )


class Rollback(StrictBody):
    """The time to which a zone is to go back, who asks, and why."""

    to: Timestamp = Field(
        description="what was done after it is taken back", examples=["2026-11-25T14:00:00Z"]
    )
    context: UndoContext = Field(default_factory=UndoContext)
    comment: str | None = Field(None, max_length=1000, pattern=PROSE)
    ask_servers: bool = Field(
        False, strict=True, description="also find what was changed beside the orchestrator since"
    )


class RRsetName(Strict):
    """An RRset of a zone."""

    domain: str = Field(max_length=1024, examples=["www.example.test"])
    record_type: Type


MAX_DRIFTED = 1_000  # RRsets that a call names


class DriftSelection(StrictBody):
    """Which RRsets; it may be left out: all that have drifted, and to look at them again the whole zone."""

    rrsets: list[RRsetName] | None = Field(None, min_length=1, max_length=MAX_DRIFTED)


class RestoringContext(Strict):
    """Why drift is restored. Who asks for it is whose each RRset is."""

    reason: Why | None = None
    ticket: Ticket | None = Field(None, description="where more is said about it")


class Restoration(DriftSelection):
    """What to restore, and why."""

    context: RestoringContext = Field(default_factory=RestoringContext)
    comment: str | None = Field(None, max_length=1000, pattern=PROSE)


class PlanApplication(StrictBody):
    """How to apply a plan; it may be left out."""

    allow_mass_change: bool = Field(
        False, strict=True, description="do it even if it changes more than a zone's thresholds allow"
    )


class Approval(StrictBody):
    """What an approver has seen, and says to it."""

    comment: Why | None = None
    state: str | None = Field(
        None,
        pattern=STATE,
        description="`state` of the review that was looked at: if it is another by now, nothing is approved",
    )


class Rejection(StrictBody):
    """Why it is not approved."""

    comment: Why | None = None


class Selection(StrictBody):
    """Which requests a call for many is about: those that match everything that is given."""

    code: Line | None = Field(None, description="of the error", examples=["server_failed"])
    account_id: Line | None = None
    zone: str | None = Field(None, max_length=1024)
    domain: str | None = Field(None, max_length=1024, description="the owner name")
    record_type: Type | None = None
    source: Source | None = None
    run_id: UUID | None = Field(None, description="the last run that they were part of")
    batch_id: UUID | None = None
    since: Timestamp | None = Field(None, description="accepted then or later")
    until: Timestamp | None = Field(None, description="accepted earlier")
    cursor: str | None = Field(None, max_length=1024, description="`next_cursor` of the call before")


class RetrySelection(Selection):
    """Which requests to retry."""

    status: Literal[Status.FAILED, Status.CANCELLED] | None = Field(None, description="failed unless given")


class CancelSelection(Selection):
    """Which requests to cancel."""

    status: Literal[Status.AWAITING_APPROVAL, Status.SCHEDULED, Status.PENDING, Status.VERIFYING] | None = (
        Field(None, description="pending unless given")
    )


def _pattern(text: str) -> str:
    try:
        return read_pattern(text)
    except InvalidName as error:
        raise PydanticCustomError("pattern_invalid", "{words}", {"words": str(error)}) from error


def _of_bounded_size(patterns: list[str]) -> list[str]:
    """Refuse more text than a zone may have: it is read with each look-up of the zone."""
    if sum(map(len, patterns)) > MAX_PATTERN_BYTES:
        words = f"the patterns have more than {MAX_PATTERN_BYTES} characters together"
        raise PydanticCustomError("too_long", "{words}", {"words": words})
    return patterns


MAX_GIVEN = 100  # accounts, networks or types in one token, grant or zone
MAX_APPROVAL_TIMEOUT = 366 * 86_400  # seconds
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_pattern)]
Patterns = Annotated[list[Pattern], Field(max_length=MAX_PATTERNS), AfterValidator(_of_bounded_size)]
Seconds = Annotated[int, Field(ge=0, le=MAX_TTL, strict=True)]


class Threshold(Strict):
    """How many RRsets of a zone one batch may change: over either it is refused. None: any number."""

    number: int | None = Field(None, ge=1, le=1_000_000, strict=True)
    percent: int | None = Field(
        None,
        ge=1,
        le=100,
        strict=True,
        description="of the zone's recorded RRsets, where there are 10 or more",
    )


class _Settings(StrictBody):
    """The settings that a zone may have; null is the default."""

    checks: Checks | None = Field(None, description=CHECKS)
    default_ttl: Seconds | None = Field(None, description="of requests that give none")
    min_ttl: Seconds | None = None
    max_ttl: Seconds | None = None
    allowed_types: list[Type] | None = Field(
        None, min_length=1, max_length=100, description="null: all that are known by their names"
    )
    unknown_types: bool | None = Field(
        None, strict=True, description="also allow types that are known by their number alone (RFC 3597)"
    )
    protected_names: Patterns | None = Field(
        None,
        description="names that no request may change, relative to the zone: @ is the apex, * any one label,"
        " ** any number of labels",
        examples=[["@", "www", "*.prod", "_acme-challenge.**"]],
    )
    private_addresses: PrivateAddresses | None = Field(
        None, description="what becomes of an address, or a hint, that is not of the public Internet"
    )
    owner: Account | None = Field(
        None, description="the account that may make every change in the zone that no grant denies"
    )
    others: Effect | None = Field(
        None,
        description="what becomes of changes of an RRset that another account owns; allow: grants decide",
    )
    reserved: dict[Pattern, Account | None] | None = Field(
        None,
        max_length=MAX_PATTERNS,
        description="names, as protected_names has them, that only one account may touch; null removes one",
        examples=[{"**.shop": "team-a"}],
    )
    max_deletes: Threshold | None = Field(None, description="of RRsets by one batch")
    max_changes: Threshold | None = Field(None, description="of RRsets by one batch, deletions among them")

    approvers: list[Account] | None = Field(
        None, max_length=MAX_GIVEN, description="accounts that approve what is reviewed; admins do besides"
    )
    approval_timeout: Annotated[int, Field(ge=60, le=MAX_APPROVAL_TIMEOUT, strict=True)] | None = Field(
        None, description="seconds until what nobody has approved is rejected; null: as APPROVAL_TIMEOUT says"
    )
    ungranted: Literal[Effect.DENY, Effect.REVIEW] | None = Field(
        None, description="what becomes of a change that no grant is about: it is refused, or reviewed"
    )

    drift: DriftPolicy | None = Field(
        None,
        description="what becomes of RRsets that were changed beside us: they are only reported, are"
        " adopted as they are, or restored to what is recorded",
    )

    @property
    def settings(self) -> dict[str, Any]:
        """What is said of the settings, as a JSON merge patch (RFC 7396)."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"name", "view", "backend"})


class _Named(Strict):
    """What a zone needs."""

    name: str = Field(
        max_length=1024,
        description="with the view, as example.test@internal, or without",
        examples=["example.test"],
    )
    view: ViewName | None = Field(None, description="in which it lies, where it lies in one")
    backend: Backend = Field(description="the inventory host that serves it", examples=["bind"])


class NewZone(_Settings, _Named):
    """A zone to serve."""


class _Moved(Strict):
    """What of a zone can change besides its settings."""

    backend: Backend | None = Field(None, description="another one takes what is pending")


class ZoneImport(StrictBody):
    """What is to be imported, where it is not the zone itself."""

    catalog: bool = Field(
        False, strict=True, description="the zone is a catalog (RFC 9432): import its members"
    )


class ZoneChange(_Settings, _Moved):
    """What is to change of a zone: what is left out stays as it is, null resets to the default."""

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if not self.settings and self.backend is None:
            raise PydanticCustomError("missing", "backend or some setting must be given")
        return self
