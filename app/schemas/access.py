"""The shapes of what is asked and answered about access: tokens, grants, transfers, quotas, the audit."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, IPvAnyNetwork
from pydantic_core import PydanticCustomError

from app.domain.change import Action
from app.domain.permissions import ANY, EVERY_NAME, Effect, Grant, Right, Role
from app.schemas.request import MAX_GIVEN, Account, Line, Person, StrictBody, Timestamp, Type, ViewName
from app.schemas.response import ViewOfZone

_Given: Any = Field(default_factory=list, max_length=MAX_GIVEN)


def _require_text(value: object) -> object:
    """Refuse numbers: they would be taken for addresses."""
    if not isinstance(value, str):
        raise PydanticCustomError("ip_any_network", "value is not a valid IPv4 or IPv6 network")
    return value


Network = Annotated[IPvAnyNetwork, BeforeValidator(_require_text)]


class OidcLoginOut(BaseModel):
    """Where people log in, and as which client."""

    issuer: str
    client_id: str
    scope: str


class LoginOut(BaseModel):
    """How one says who one is."""

    auth: Literal["off", "required"] = Field(description="off: nobody has to")
    oidc: OidcLoginOut | None = Field(description="null: by a token of this service alone")


class NewToken(StrictBody):
    """A token to make."""

    accounts: Annotated[list[Account], _Given]
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))]
    networks: Annotated[list[Network], _Given]
    expires_at: Timestamp | None = None
    person: Person | None = Field(
        None,
        description="whose it is: his address or name. He is known again by it when he calls with another"
        " token, or by OIDC: nobody approves what he has asked for himself",
    )
    comment: Line | None = None


class NewGrant(StrictBody):
    """A grant to add: to an account, or to whoever has a role."""

    effect: Effect
    account_id: Account | None = None
    role: Role | None = None
    zone: Line = Field(
        ANY,
        description="a zone; zone@view in a view, zone@* in every view; * for every zone",
    )
    names: Line = Field(
        EVERY_NAME, description="a pattern of owner names, as protected_names has it; ** for all"
    )
    types: Annotated[list[Type], _Given]
    actions: Annotated[list[Action], Field(default_factory=list, max_length=len(Action))]
    comment: Line | None = None

    def grant(self) -> Grant:
        """Return the grant that is asked for; it has no id yet."""
        return Grant(
            id="",
            effect=self.effect,
            account=self.account_id,
            role=self.role,
            zone=self.zone,
            names=self.names,
            types=frozenset(each.value for each in self.types),
            actions=frozenset(self.actions),
        )


class NewTransfer(StrictBody):
    """RRsets that one account offers to another, and maybe the zone itself."""

    zone: Line
    names: Line = Field(EVERY_NAME, description="a pattern of owner names, as protected_names has it")
    types: Annotated[list[Type], _Given]
    whole_zone: bool = Field(False, strict=True, description="also the zone itself: its `owner`")
    from_account: Account | None = Field(None, description="the caller's, if it has one only, unless given")
    of_nobody: bool = Field(False, strict=True, description="offer RRsets that nobody owns")
    to_account: Account
    expires_at: Timestamp | None = Field(None, description="after a week unless given")
    comment: Line | None = None


_Limit = Annotated[int | None, Field(ge=0, le=1_000_000_000, strict=True)]


class NewQuota(StrictBody):
    """What one account may have, and ask for. 0: any number; null, or left out: the default."""

    open_requests: _Limit = Field(None, description="that are not settled yet; as many may be scheduled")
    records: _Limit = Field(None, description="RRsets that it owns")
    requests_per_minute: _Limit = Field(None, description="that are accepted")
    comment: Line | None = None


class Explain(StrictBody):
    """A change about which is asked who may make it."""

    account_id: Account | None = Field(None, description="the caller's, if it has one only, unless given")
    action: Action = Action.CREATE
    domain: Line
    record_type: Type
    zone: Line | None = None
    view: ViewName | None = None
    token: Line | None = Field(None, description="the prefix of the token that would ask; the caller's own")


class TokenOut(BaseModel):
    """A token, without what only its holder knows."""

    prefix: str
    accounts: list[str]
    roles: list[str]
    networks: Annotated[list[str], Field(description="from which it may be used; none: from anywhere")]
    person: Annotated[str | None, Field(description="whose it is")]
    comment: str | None
    created_at: datetime
    created_by: str
    made_by: Annotated[list[str], Field(description="over HTTP: who may have kept it; names and persons")]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: Annotated[datetime | None, Field(description="to within a minute or so")]


class NewTokenOut(TokenOut):
    """A token that was made, with itself: this is shown once."""

    token: str


class TokenList(BaseModel):
    """Every token, the newest first."""

    items: list[TokenOut]


class GrantOut(BaseModel):
    """What an account, or whoever has a role, may do; no types: every type, no actions: every action."""

    id: UUID
    effect: Effect
    account_id: str | None
    role: str | None
    zone: str
    names: str
    types: list[str]
    actions: list[str]
    comment: str | None
    created_at: datetime
    created_by: str


class GrantList(BaseModel):
    """Every grant, the oldest first."""

    items: list[GrantOut]


class TransferOut(BaseModel):
    """What one account has offered to another."""

    id: UUID
    status: Annotated[str, Field(description="offered, accepted, declined, withdrawn, expired")]
    zone: str
    names: str
    types: list[str]
    whole_zone: bool
    from_account: Annotated[str | None, Field(description="null: what nobody owns")]
    to_account: str
    comment: str | None
    rrsets: Annotated[int, Field(description="how many were offered or, once it is accepted, transferred")]
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None


class TransferPage(BaseModel):
    """Transfers, the newest first."""

    items: list[TransferOut]
    next_cursor: str | None


class LimitOut(BaseModel):
    """How much an account may have, and has."""

    limit: Annotated[int | None, Field(description="null: any number")]
    used: Annotated[int | None, Field(description="null: it is not counted, since there is no limit")]


class UsageOut(BaseModel):
    """How much of its quota an account has used."""

    open_requests: LimitOut
    records: LimitOut
    requests_per_minute: LimitOut


class QuotaLimits(BaseModel):
    """What an account may have, and ask for; 0: any number."""

    open_requests: int
    records: int
    requests_per_minute: int


class OwnQuota(BaseModel):
    """What was set for an account; null: the default counts."""

    open_requests: int | None
    records: int | None
    requests_per_minute: int | None


class QuotaOut(BaseModel):
    """The quota of an account."""

    account_id: str
    own: OwnQuota
    in_effect: QuotaLimits
    comment: str | None
    updated_at: datetime | None
    updated_by: str | None


class QuotaList(BaseModel):
    """The accounts that have quotas of their own, and what counts for all others."""

    items: list[QuotaOut]
    default: QuotaLimits


class Me(BaseModel):
    """Who calls, and what he may do."""

    principal: str
    person: Annotated[str | None, Field(description="who stands behind the principal")]
    accounts: Annotated[list[str], Field(description="for which he speaks")]
    any_account: Annotated[bool, Field(description="whether he speaks for every account")]
    roles: list[Role]
    rights: Annotated[list[Right], Field(description="to calls")]
    grants: Annotated[list[str], Field(description="to these accounts and roles, in words")]
    quotas: Annotated[dict[str, UsageOut], Field(description="by account")]


class Explanation(BaseModel):
    """Whether a change may be made, by which grant, or why not."""

    principal: str
    account_id: str
    zone: str
    view: ViewOfZone = None
    effect: Effect
    grant: Annotated[UUID | None, Field(description="null: no grant is about it")]
    code: Annotated[str | None, Field(description="of the refusal; null: it is not denied")]
    owner: Annotated[str | None, Field(description="of the RRset, where the caller may see what that has")]
    why: str


class AuditOut(BaseModel):
    """A privileged act."""

    seq: int
    at: datetime
    principal: str
    address: str | None
    act: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: Annotated[str, Field(description="hexadecimal; of this entry and all before it")]


class AuditPage(BaseModel):
    """Privileged acts, the newest first."""

    items: list[AuditOut]
    next_cursor: str | None
