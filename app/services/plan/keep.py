"""Keep plans for an hour, so that exactly what was shown can be applied."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError
from uuid_utils.compat import uuid7

from app.core.config import settings
from app.core.database import reading, transaction
from app.core.logging import get_logger
from app.domain.change import RRsetKey
from app.domain.errors import PlanNotFound, PlanUnreadable, Reason
from app.domain.permissions import Caller
from app.services.plan.from_records import Planned
from app.services.plan.groups import is_groupable, require_groupable
from app.services.plan.honours import warn_of_not_honoured
from app.services.requests.draft import RawChange, Refused
from app.store import plans
from app.store.plans import Room

log = get_logger(__name__)

LIFETIME = 3600.0  # seconds
MAX_KEPT = 1024**3  # bytes of all plans together, compressed
_FAST = 1  # zlib's level: a higher one takes several times as long, and saves little


class Left(NamedTuple):
    """An RRset that a rollback leaves as it is, and why."""

    key: RRsetKey
    reason: Reason


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes as they were asked for, what each would do, and how they are to be applied.

    Every refused item is one of `planned`; `items` is not needed then, since such a plan is not applied.
    """

    items: Sequence[RawChange]
    planned: Sequence[Planned | Refused]
    atomic: bool = False  # it has to be a group
    allow_mass_change: bool = False
    ask_servers: bool = False
    apart: bool = False  # each change stands for itself, though all could be a group
    left: Sequence[Left] | None = None  # what a rollback can't take back; None: it is no rollback

    @property
    def is_grouped(self) -> bool:
        """Whether the changes are made all or none on the server: also where nobody asks for it."""
        return self.atomic or (not self.apart and is_groupable(self.planned))


class KeptPlan(NamedTuple):
    """A plan, and the batch that it has become; without `id` and `expires_at` it could not be kept."""

    plan: Plan
    id: UUID | None
    expires_at: datetime | None
    batch_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Content:
    """What is stored; lists, since those are read back fastest."""

    items: list[RawChange]
    planned: list[Annotated[Planned | Refused, Field(union_mode="left_to_right")]]
    flags: list[str] = field(default_factory=list)
    left: list[Left] | None = None


_CONTENT = TypeAdapter(_Content)
_FLAGS = ("atomic", "allow_mass_change", "ask_servers", "apart")


def keep(plan: Plan) -> KeptPlan:
    """Store a plan. The oldest of its account make room for it; others' do not.

    Raises BatchRefused when it is atomic, and can't be a group.
    """
    if plan.atomic:
        require_groupable(plan.planned)
    with reading() as session:
        planned = warn_of_not_honoured(session, plan.planned, grouped=plan.is_grouped)
    plan = replace(plan, planned=planned)
    refused = any(isinstance(item, Refused) for item in plan.planned)
    flags = [flag for flag in _FLAGS if getattr(plan, flag)]
    left = None if plan.left is None else [*plan.left]
    content = _CONTENT.dump_json(_Content([] if refused else [*plan.items], [*plan.planned], flags, left))
    packed = zlib.compress(content, _FAST)
    plan_id = uuid7()
    account, limits = _account(plan.items), settings()
    room = Room(limits.plans_per_account, limits.plan_bytes_per_account, MAX_KEPT)
    with transaction() as session:
        until = plans.insert(session, plan_id, account, packed, lifetime=LIFETIME, room=room)
    return KeptPlan(plan, plan_id if until else None, until)


def get_plan(plan_id: UUID, caller: Caller) -> KeptPlan:
    """Return a plan that is kept, if the caller may speak for all of its accounts.

    Raises PlanNotFound, PlanUnreadable.
    """
    with reading() as session:
        row = plans.get(session, plan_id)
    if row is None:
        raise PlanNotFound
    try:
        content = _CONTENT.validate_json(zlib.decompress(row.content))
    except ValidationError as error:
        log.warning(
            "plan not shown: it can't be read, and may be of another release; its client is told to make a"
            " new one",
            plan_id=str(plan_id),
            error=error.errors(include_input=False)[0]["msg"],
        )
        raise PlanUnreadable from error
    accounts = [row.account_id] if row.account_id else [_account_of(item.body) for item in content.items]
    if not caller.unrestricted and not caller.principal.speaks_for_all(accounts):
        raise PlanNotFound
    flags = {flag: flag in content.flags for flag in _FLAGS}
    plan = Plan(content.items, content.planned, **flags, left=content.left)
    return KeptPlan(plan, plan_id, row.expires_at, row.batch_id)


def _account(items: Sequence[RawChange]) -> str | None:
    """Return the account of all the items; None where they have several."""
    accounts = {_account_of(item.body) for item in items}
    return accounts.pop() if len(accounts) == 1 else None


def _account_of(body: object) -> str | None:
    context = body.get("context") if isinstance(body, dict) else None
    account = context.get("account_id") if isinstance(context, dict) else None
    return account if isinstance(account, str) else None
