"""Turn what a client sent into a change that may be stored, or into all the reasons against it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from pydantic import BaseModel, ValidationError

from app.core.tracing import traceparent
from app.domain import names, rdata, rules, schedule, values
from app.domain.change import Action
from app.domain.errors import DomainError, Reason
from app.domain.extra_config import why_not_extra_config
from app.domain.permissions import Caller
from app.domain.places import DOMAIN, RECORD_TYPE, TARGET
from app.domain.ptr import why_no_ptr
from app.domain.rdata import RecordType
from app.domain.reasons import MAX_BATCH_REASONS, MAX_REASONS, at_most
from app.domain.reverse import reverse_name_of
from app.domain.rrset_size import RRsetSize
from app.schemas.request import MAX_TARGET, Config, Context, Resource, Submission
from app.schemas.words import unknown_field, words
from app.services.requests.authorise import why_not_account
from app.services.requests.draft import Draft, RawChange

_TYPES = {record_type.value: record_type for record_type in RecordType}
_NUMBERED = frozenset(record_type for record_type, entry in rdata.TABLE.items() if entry.takes)
_FIELDS, _CONTEXT_FIELDS = frozenset(Submission.model_fields), frozenset(Context.model_fields)
_RESOURCE_FIELDS, _CONFIG_FIELDS = frozenset(Resource.model_fields), frozenset(Config.model_fields)
_TOO_LONG = rules.TOO_LARGE._replace(message=f"the values together have more than {MAX_TARGET} characters")


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
        traceparent=raw.traceparent or traceparent(),
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
        traceparent=raw.traceparent or traceparent(),
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
        draft.reasons += why_not_extra_config(extra)


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


def _read_name(draft: Draft, _: object, resource: object, __: int) -> None:
    domain = _get(resource, "domain")
    if not isinstance(domain, str) or draft.has_reason(DOMAIN):
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
    if draft.record_type is None or draft.has_reason(TARGET):
        return
    targets = list(_targets(_get(resource, "target")))
    if sum(len(target) for _, target in targets) > MAX_TARGET:  # to read megabytes takes seconds
        draft.reasons.append(_TOO_LONG)
    else:
        _read_values(draft, draft.record_type, targets, _get(resource, "config"), most)


def _read_values(
    draft: Draft,
    record_type: RecordType,
    targets: Iterable[tuple[tuple[str | int, ...], str]],
    config: object,
    most: int,
) -> None:
    size = RRsetSize(record_type)
    for loc, target in targets:
        try:
            value = _canonical(record_type, target, config, draft.action)
        except DomainError as error:
            draft.reasons.append(error.reason(*loc))
            if len(draft.reasons) == most == 1:
                return
        else:
            if not _add_value(draft, value, size):
                draft.reasons.append(rules.TOO_LARGE)
                return


def _add_value(draft: Draft, value: str, size: RRsetSize) -> bool:
    """Add a value that is new; return False where they are too many octets together."""
    if not draft.rdata:
        draft.rdata.append(value)
    elif not _is_known(draft.record_type, value, draft.rdata):
        draft.rdata.append(value)
        return size.fits(draft.rdata)
    return True


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


def _get(raw: object, key: str) -> Any:
    """Return the value of that key, None where `raw` is no object or has no such key."""
    return raw.get(key) if isinstance(raw, dict) else None


# Each reads a part of the body, or of its resource, into the draft, and adds so many reasons against it.
_Step = Callable[[Draft, object, object, int], None]
_STEPS: Sequence[_Step] = (_read_shape, _read_name, _read_rdata, _read_manage_ptr, _read_extra_config)
