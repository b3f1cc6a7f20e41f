"""Turn what a client sent into a change that may be stored, or into all the reasons against it."""

import json
import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ValidationError

from app.domain import names, rdata, rules, schedule, values
from app.domain.change import Action, RRsetState, Via
from app.domain.checks import Checks, check_names
from app.domain.errors import NOT_ALLOWED_CODES, DomainError, Reason, quoted
from app.domain.permissions import Asked, Caller
from app.domain.places import DOMAIN, EXTRA_CONFIG, RECORD_TYPE, TARGET
from app.domain.ptr import why_no_ptr
from app.domain.rdata import RecordType
from app.domain.reasons import MAX_BATCH_REASONS, MAX_REASONS, at_most
from app.domain.restrictions import allows_type, warnings_of_zone, why_restricted
from app.domain.reverse import reverse_name_of
from app.domain.warnings import warnings_of
from app.domain.zone_choice import ZoneChoice, choose_zone
from app.domain.zone_settings import PLAIN, ZoneSettings
from app.schemas.request import Config, Context, Resource, Submission
from app.schemas.words import unknown_field, words
from app.services.requests.authorise import NeedsReview, judge_all, why_not_account
from app.services.requests.owners import Owners
from app.services.requests.ptr_places import NOWHERE, PtrPlaces

MAX_EXTRA_CONFIG = 8 * 1024  # characters of JSON
MAX_EXTRA_CONFIG_DEPTH = (
    16  # objects and lists in each other; a playbook may read them by YAML, which gives up
)
MAX_EXTRA_CONFIG_KEY = 100  # characters; likewise

_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_TYPES = {record_type.value: record_type for record_type in RecordType}
_OF_NO_ZONE = PLAIN[Checks.WARN]
_NUMBERED = frozenset(record_type for record_type, entry in rdata.TABLE.items() if entry.takes)
_dump = Resource.__pydantic_serializer__.to_python  # what model_dump calls, without its own third of the time
_FIELDS, _CONTEXT_FIELDS = frozenset(Submission.model_fields), frozenset(Context.model_fields)
_RESOURCE_FIELDS, _CONFIG_FIELDS = frozenset(Resource.model_fields), frozenset(Config.model_fields)


class RawChange(NamedTuple):
    """One change as a client sent it; the body is not validated yet."""

    action: Action
    body: object
    idempotency_key: str | None = None
    reasons: Sequence[Reason] = ()  # what the door has found against it
    via: Via = Via.API
    expect: RRsetState | None = None  # what must be there; no client can ask for it, services do
    restores: bool = False  # an RRset that was there, so its values are not judged; likewise


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
    cut_short: bool = False  # some reasons are missing, and what was not looked at

    @property
    def asked_zone(self) -> str | None:
        """The zone that the change names itself."""
        return None if self.submission is None else self.submission.resource.zone


@dataclass(slots=True)
class ValidChange:
    """A change that keeps every rule and lies in a zone that is served: it may be stored."""

    action: Action
    zone: str
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
    settings: ZoneSettings = _OF_NO_ZONE  # of its zone
    not_before: datetime | None = None
    warnings: Sequence[Reason] = ()
    expect: RRsetState | None = None
    undoes: UUID | None = None
    ptr_of: UUID | None = None
    reason: str | None = None
    ticket: str | None = None
    review: NeedsReview | None = None  # somebody has to approve it


class Refused(NamedTuple):
    """All the reasons why a change can't be accepted; the only one, where its caller may not make it."""

    reasons: Sequence[Reason]

    @property
    def not_allowed(self) -> bool:
        """Whether it is refused for who asks, and not for what is asked for."""
        return bool(self.reasons) and all(reason.code in NOT_ALLOWED_CODES for reason in self.reasons)


def read_changes(raw: Iterable[RawChange], caller: Caller | None = None) -> list[Draft]:
    """Read many changes. Once there are very many reasons, each further change gets its first one only."""
    drafts: list[Draft] = []
    left = MAX_BATCH_REASONS
    for item in raw:
        draft = read_change(item, caller) if left > 0 else _read_until_refused(item, caller)
        left -= len(draft.reasons)
        drafts.append(draft)
    return drafts


def read_change(raw: RawChange, caller: Caller | None = None) -> Draft:
    """Check everything that the body says by itself: its shape, its account, the name, the RDATA."""
    if raw.restores:
        return _read_restored(raw.body, raw, caller)
    draft = _new_draft(raw, caller)
    resource = _get(raw.body, "resource")
    for step in _STEPS:
        step(draft, raw.body, resource, MAX_REASONS)
    if len(draft.reasons) > MAX_REASONS:
        draft.reasons = at_most(MAX_REASONS, draft.reasons)
        draft.cut_short = True
    _require_own_account(draft)
    return draft


def _read_restored(body: Any, raw: RawChange, caller: Caller | None) -> Draft:
    """Return what restores an RRset that was there, canonical, as it is; of the rules the zone's are left."""
    who, resource = body["context"], body["resource"]
    when = datetime.fromisoformat(who["not_before"]) if "not_before" in who else None
    context = Context.model_construct(**who | {"not_before": when})
    record_type, target = RecordType(resource["record_type"]), resource.get("target")
    config = Config.model_construct(**resource.get("config", {}))
    asked = Resource.model_construct(**resource | {"record_type": record_type, "config": config})
    draft = Draft(
        raw.action,
        raw.idempotency_key,
        raw.via,
        Submission.model_construct(context=context, resource=asked),
        asked.domain,
        record_type,
        list(target or ()),
        caller=caller,
        expect=raw.expect,
        restores=True,
    )
    _require_own_account(draft)
    return draft


def _read_until_refused(raw: RawChange, caller: Caller | None) -> Draft:
    draft = _new_draft(raw, caller)
    resource = _get(raw.body, "resource")
    for step in _STEPS:
        step(draft, raw.body, resource, 1)
        if draft.reasons:
            draft.reasons = draft.reasons[:1]
            draft.cut_short = True
            break
    _require_own_account(draft)
    return draft


def _new_draft(raw: RawChange, caller: Caller | None) -> Draft:
    return Draft(
        raw.action,
        raw.idempotency_key,
        raw.via,
        reasons=list(raw.reasons),
        caller=caller,
        expect=raw.expect,
    )


def _require_own_account(draft: Draft) -> None:
    """Refuse a change in the name of another account. Its key is that account's: nobody looks it up."""
    if draft.caller is None or draft.caller.unrestricted or draft.submission is None:
        return
    if reason := why_not_account(draft.caller, draft.submission.context.account_id):
        draft.reasons, draft.cut_short, draft.idempotency_key = [reason], True, None


def _read_shape(draft: Draft, body: object, _: object, most: int) -> None:
    if _is_crowded(body) and (unknown := _unknown_fields(body, most)):
        draft.reasons += unknown
        return
    try:
        draft.submission = Submission.model_validate(body)
    except ValidationError as error:
        draft.reasons += [_explained(reason, body) for reason in shape_reasons(error, Submission)]
        return
    not_before = draft.submission.context.not_before
    if not_before is not None and (reason := schedule.why_not(not_before, datetime.now(UTC))):
        draft.reasons.append(reason)


def _explained(reason: Reason, body: object) -> Reason:
    """Say of a type that exists why no record of it can be asked for."""
    record_type = _get(_get(body, "resource"), "record_type")
    if reason.loc != RECORD_TYPE or not isinstance(record_type, str):
        return reason
    why = rdata.why_refused(record_type)
    if why is None:
        return reason
    message = f"no {record_type.upper()} record can be asked for: {why}"
    return Reason(reason.loc, "type_refused", message)


def _read_manage_ptr(draft: Draft, _: object, resource: object, __: int) -> None:
    if (config := _get(resource, "config")) and _get(config, "manage_ptr") is True:
        draft.reasons += why_no_ptr(draft.record_type, draft.name, len(draft.rdata))


def _read_extra_config(draft: Draft, _: object, resource: object, __: int) -> None:
    if (config := _get(resource, "config")) and (extra := _get(config, "extra_config")):
        draft.reasons += _extra_config_reasons(extra)


def _is_crowded(body: object) -> bool:
    """Whether some part of the body has more fields than reasons are given, and than any part may have."""
    if not isinstance(body, dict):
        return False
    if len(body) > MAX_REASONS:
        return True
    for part in body.values():
        if type(part) is dict:
            config = part.get("config")
            if len(part) > MAX_REASONS or (type(config) is dict and len(config) > MAX_REASONS):
                return True
    return False


def _unknown_fields(body: object, most: int) -> list[Reason]:
    """Return the reasons against unknown fields where there are more of them than reasons are given.

    They are counted without being looked at: pydantic would make an error of each.
    """
    parts: list[tuple[tuple[str, ...], object, Collection[str]]] = [
        ((), body, _FIELDS),
        (("context",), _get(body, "context"), _CONTEXT_FIELDS),
        (("resource",), resource := _get(body, "resource"), _RESOURCE_FIELDS),
        (("resource", "config"), _get(resource, "config"), _CONFIG_FIELDS),
    ]
    found: list[Reason] = []
    total = 0
    for loc, part, known in parts:
        if isinstance(part, dict) and len(part) > len(known) + MAX_REASONS:
            names = [name for name in islice(part, len(known) + most) if name not in known]
            places = ((*loc, name) for name in names)
            found += (Reason(place, "extra_forbidden", unknown_field(Submission, place)) for place in places)
            total += len(part) - sum(name in part for name in known)
    return at_most(most, found, total - len(found)) if found else found


def place_in_zone(
    draft: Draft,
    zones: Mapping[str, ZoneSettings],
    owners: Owners | None = None,
    ptrs: PtrPlaces = NOWHERE,
) -> ValidChange | Refused:
    """Find the zone that the name belongs to, and check the rules that depend on the zone.

    `zones` are those that are served, each with its settings. `owners` takes note of what may be stored.
    `ptrs` are the places of the PTRs that restricted callers ask for.
    """
    zone, against_zone = _choose_zone(draft, zones)
    judged = None if zone is None or draft.cut_short else _judge(draft, zone, zones, owners, ptrs)
    if isinstance(judged, Reason):
        return Refused([judged])
    settings = _OF_NO_ZONE if zone is None else zones[zone]
    found = against_zone or _zone_reasons(draft, zone, settings)
    reasons = draft.reasons if draft.cut_short else [*draft.reasons, *found]
    if reasons or zone is None or draft.name is None or draft.submission is None:
        return Refused(reasons)
    context, resource = draft.submission.context, draft.submission.resource
    if owners is not None and judged is None:
        owners.note(zone, draft.name, resource.record_type.value, draft.action, context.account_id)
    ttl = resource.config.ttl
    return ValidChange(
        action=draft.action,
        zone=zone,
        name=draft.name,
        record_type=resource.record_type,
        ttl=settings.default_ttl if ttl is None else ttl,
        rdata=draft.rdata,
        account_id=context.account_id,
        source=context.source or draft.via.value,
        via=draft.via,
        comment=resource.comment,
        extra_config=resource.config.extra_config,
        asked=_dump(resource, mode="json", exclude_none=True),
        idempotency_key=draft.idempotency_key,
        settings=settings,
        not_before=context.not_before and context.not_before.astimezone(UTC),
        warnings=_warnings(draft, draft.name, resource, settings),
        expect=draft.expect,
        undoes=draft.undoes,
        ptr_of=draft.ptr_of,
        reason=context.reason,
        ticket=context.ticket,
        review=judged,
    )


def _judge(
    draft: Draft, zone: str, zones: Mapping[str, ZoneSettings], owners: Owners | None, ptrs: PtrPlaces
) -> Reason | NeedsReview | None:
    """Return what speaks against the change, or against those of PTRs that he asks for with it."""
    if draft.caller is not None and draft.caller.unrestricted:
        return None
    if draft.submission is None or draft.name is None or draft.record_type is None:
        return None
    account = draft.submission.context.account_id
    asked = Asked(account, draft.action, zone, draft.name, draft.record_type.value)
    all_asked = [asked]
    if draft.caller is not None and (addresses := ptr_addresses(draft)):
        all_asked += ptrs.asked_with(asked, addresses)
        zones = {**ptrs.served, **zones}
    return judge_all(draft.caller, all_asked, zones, owners)


def ptr_addresses(draft: Draft) -> Sequence[str]:
    """Return the addresses whose PTRs are to be kept with the change."""
    if draft.submission is None or not draft.submission.resource.config.manage_ptr or draft.reasons:
        return ()
    return draft.rdata


def _warnings(draft: Draft, name: str, resource: Resource, settings: ZoneSettings) -> Sequence[Reason]:
    record_type = resource.record_type
    targets = [resource.target] if isinstance(resource.target, str) else resource.target or ()
    found: Sequence[Reason] = warnings_of(draft.action, name, record_type, targets, draft.rdata)
    if settings.checks is Checks.WARN:
        found = [*check_names(draft.action, name, record_type, draft.rdata), *found]
    if settings.restricts:
        found = [*found, *warnings_of_zone(settings, draft.action, record_type, draft.rdata)]
    return found


def _choose_zone(
    draft: Draft, zones: Container[str]
) -> ZoneChoice | tuple[str | None, tuple[Reason, ...]]:  # which is made in half the time
    if draft.name is None:
        return None, ()
    asked = draft.asked_zone
    if asked is None:
        return names.longest_match(draft.name, zones), ()
    return choose_zone(draft.action, draft.name, draft.record_type, asked, zones)


def shape_reasons(error: ValidationError, model: type[BaseModel]) -> list[Reason]:
    """Return what pydantic found, each finding once, without its names for branches of a union."""
    found = {
        Reason(
            _without_branches(item["loc"]), item["type"], words(item["type"], item["msg"], item["loc"], model)
        ): None
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    }
    return list(found)


def _without_branches(loc: Sequence[str | int]) -> tuple[str | int, ...]:
    if tuple(loc[:2]) != TARGET:
        return tuple(loc)
    return (*TARGET, *(part for part in loc[2:] if isinstance(part, int)))


def _zone_reasons(draft: Draft, zone: str | None, settings: ZoneSettings) -> list[Reason]:
    """Return the reasons that depend on the zone, but for places that have a reason against them already."""
    if draft.name is None:
        return []
    if zone is None and "." not in draft.name:
        message = f"{quoted(draft.name)} is not a full name, such as {draft.name}.example.test"
        return [Reason(DOMAIN, "name_not_fqdn", message)]
    if zone is None:
        message = (
            f"{draft.name} is in none of the zones that are served here: GET /api/v1/zones lists them;"
            ' to serve another that your DNS servers have: POST /api/v1/zones with its "name" and "backend"'
        )
        return [Reason(DOMAIN, "zone_unknown", message)]
    if draft.record_type is None:
        return []
    restricted = settings.restricts
    unknown_types = restricted and allows_type(settings, draft.record_type)
    # Of what is restored nothing is judged as if it were added: it was there.
    action = Action.DELETE if draft.restores else draft.action
    found = rules.check(action, zone, draft.name, draft.record_type, draft.rdata, unknown_types=unknown_types)
    if settings.checks is Checks.REFUSE:
        found += check_names(draft.action, draft.name, draft.record_type, draft.rdata)
    if restricted:
        ttl = draft.submission.resource.config.ttl if draft.submission else None
        change = (draft.action, zone, draft.name, draft.record_type, draft.rdata, ttl)
        found += why_restricted(settings, *change)
    return [reason for reason in found if not _has_reason(draft, reason.loc)]


def _read_name(draft: Draft, _: object, resource: object, __: int) -> None:
    domain = _get(resource, "domain")
    if not isinstance(domain, str) or _has_reason(draft, DOMAIN):
        return
    try:
        draft.name = names.normalize(domain)
    except DomainError as error:
        reason = error.reason(*DOMAIN)
        if reason.code == "name_is_ip" and (reverse := reverse_name_of(domain)):
            reason = reason._replace(message=f"{reason.message}; its PTR is at {reverse}")
        draft.reasons.append(reason)


def _read_rdata(draft: Draft, _: object, resource: object, most: int) -> None:
    record_type = _get(resource, "record_type")
    if isinstance(record_type, str):
        draft.record_type = _TYPES.get(record_type) or _type(record_type)
    if draft.record_type is None or _has_reason(draft, TARGET):
        return
    config = _get(resource, "config")
    for loc, target in _targets(_get(resource, "target")):
        try:
            value = _canonical(draft.record_type, target, config, draft.action)
        except DomainError as error:
            draft.reasons.append(error.reason(*loc))
            if len(draft.reasons) == most == 1:
                return
        else:
            if not draft.rdata or not _is_known(draft.record_type, value, draft.rdata):
                draft.rdata.append(value)


def _type(name: str) -> RecordType | None:
    try:
        return RecordType(name)
    except ValueError:
        return None


def _is_known(record_type: RecordType | None, value: str, rdata: Collection[str]) -> bool:
    return value in rdata or (
        record_type is RecordType.TXT and bool(values.matching(record_type, rdata, [value]))
    )


def _canonical(record_type: RecordType, target: str, config: object, action: Action) -> str:
    if record_type not in _NUMBERED:
        return rdata.canonical(record_type, target)
    if not isinstance(config, dict):
        return rdata.canonical(record_type, target, pattern=action is Action.DELETE)
    priority, extra = config.get("priority"), config.get("extra_config")
    return rdata.canonical(
        record_type,
        target,
        priority=priority if type(priority) is int else None,
        extra=extra if isinstance(extra, dict) else {},
        pattern=action is Action.DELETE,
    )


def _targets(value: object) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield TARGET, value
    elif isinstance(value, list):
        yield from (((*TARGET, index), item) for index, item in enumerate(value))


def _extra_config_reasons(extra: object) -> Iterator[Reason]:
    try:
        text = json.dumps(extra, allow_nan=False)
    except ValueError:
        yield Reason(EXTRA_CONFIG, "number_not_finite", "a number is too large to be stored")
        return
    if len(text) > MAX_EXTRA_CONFIG:
        yield Reason(
            EXTRA_CONFIG, "extra_config_too_long", f"more than {MAX_EXTRA_CONFIG} characters of JSON"
        )
    if _ESCAPED_NUL.search(text):
        yield Reason(EXTRA_CONFIG, "control_character", "NUL characters cannot be stored")
    yield from _depth_reasons(extra)


def _depth_reasons(extra: object) -> Iterator[Reason]:
    level, depth = [extra], 0
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        keys = (key for each in level if isinstance(each, dict) for key in each)
        if any(len(key) > MAX_EXTRA_CONFIG_KEY for key in keys):
            yield Reason(
                EXTRA_CONFIG,
                "extra_config_key_too_long",
                f"keys have at most {MAX_EXTRA_CONFIG_KEY} characters",
            )
            return
        if depth > MAX_EXTRA_CONFIG_DEPTH:
            yield Reason(
                EXTRA_CONFIG, "extra_config_too_deep", f"it is nested more than {MAX_EXTRA_CONFIG_DEPTH} deep"
            )
            return
        level = [item for each in level for item in (each.values() if isinstance(each, dict) else each)]


def _has_reason(draft: Draft, loc: tuple[str | int, ...]) -> bool:
    return bool(draft.reasons) and any(reason.loc[:2] == loc for reason in draft.reasons)


def _get(raw: object, key: str) -> Any:
    """Return the value of that key, None where `raw` is no object or has no such key."""
    return raw.get(key) if isinstance(raw, dict) else None


# Each reads a part of the body, or of its resource, into the draft, and adds so many reasons against it.
_Step = Callable[[Draft, object, object, int], None]
_STEPS: Sequence[_Step] = (_read_shape, _read_name, _read_rdata, _read_manage_ptr, _read_extra_config)
