"""Turn what a client sent into a change that may be stored, or into all the reasons against it."""

import json
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import ValidationError

from app.domain import names, rdata, rules
from app.domain.change import Action, Via
from app.domain.errors import DomainError, Reason
from app.domain.rdata import RecordType
from app.schemas.request import Submission

MAX_EXTRA_CONFIG = 8 * 1024  # characters of JSON

_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_TYPES = {record_type.value: record_type for record_type in RecordType}
_EXTRA = ("resource", "config", "extra_config")


class RawChange(NamedTuple):
    """One change as a client sent it; the body is not validated yet."""

    action: Action
    body: object
    idempotency_key: str | None = None
    reasons: Sequence[Reason] = ()  # what the door has found against it
    via: Via = Via.API


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
    asked: dict[str, Any]  # the resource as it was asked for
    idempotency_key: str | None


class Refused(NamedTuple):
    """All the reasons why a change can't be accepted."""

    reasons: Sequence[Reason]


def read_change(raw: RawChange) -> Draft:
    """Check everything that the body says by itself: its shape, the name, the RDATA."""
    draft = Draft(raw.action, raw.idempotency_key, raw.via, reasons=list(raw.reasons))
    body = raw.body
    try:
        draft.submission = Submission.model_validate(body)
    except ValidationError as error:
        draft.reasons += shape_reasons(error)
    resource = _get(body, "resource")
    config = _get(resource, "config")
    _read_name(draft, _get(resource, "domain"))
    _read_rdata(draft, resource, config)
    if extra := _get(config, "extra_config"):
        draft.reasons += _extra_config_reasons(extra)
    return draft


def place_in_zone(draft: Draft, zones: Container[str]) -> ValidChange | Refused:
    """Find the zone that the name belongs to, and check the rules that depend on the zone."""
    zone = None if draft.name is None else names.longest_match(draft.name, zones)
    reasons = [*draft.reasons, *_zone_reasons(draft, zone)]
    if reasons or zone is None or draft.name is None or draft.submission is None:
        return Refused(reasons)
    context, resource = draft.submission.context, draft.submission.resource
    return ValidChange(
        action=draft.action,
        zone=zone,
        name=draft.name,
        record_type=resource.record_type,
        ttl=resource.config.ttl,
        rdata=draft.rdata,
        account_id=context.account_id,
        source=context.source or draft.via.value,
        via=draft.via,
        comment=resource.comment,
        extra_config=resource.config.extra_config,
        asked=resource.model_dump(mode="json", exclude_none=True),
        idempotency_key=draft.idempotency_key,
    )


def shape_reasons(error: ValidationError) -> list[Reason]:
    """Return what pydantic found, each finding once, without its names for the branches of a union."""
    found = {
        Reason(_without_branches(item["loc"]), item["type"], item["msg"]): None
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    }
    return list(found)


def _without_branches(loc: Sequence[str | int]) -> tuple[str | int, ...]:
    if tuple(loc[:2]) != rules.TARGET:
        return tuple(loc)
    return (*rules.TARGET, *(part for part in loc[2:] if isinstance(part, int)))


def _zone_reasons(draft: Draft, zone: str | None) -> list[Reason]:
    """Return the reasons that depend on the zone, but for places that have a reason against them already."""
    if draft.name is None:
        return []
    if zone is None:
        message = f"{draft.name} is in none of the zones that are served here"
        return [Reason(rules.DOMAIN, "zone_unknown", message)]
    if draft.record_type is None:
        return []
    found = rules.check(draft.action, zone, draft.name, draft.record_type, draft.rdata)
    return [reason for reason in found if not _has_reason(draft, reason.loc)]


def _read_name(draft: Draft, domain: object) -> None:
    if not isinstance(domain, str) or _has_reason(draft, rules.DOMAIN):
        return
    try:
        draft.name = names.normalize(domain)
    except DomainError as error:
        draft.reasons.append(error.reason(*rules.DOMAIN))


def _read_rdata(draft: Draft, resource: object, config: object) -> None:
    record_type = _get(resource, "record_type")
    draft.record_type = _TYPES.get(record_type) if isinstance(record_type, str) else None
    if draft.record_type is None or _has_reason(draft, rules.TARGET):
        return
    for loc, target in _targets(_get(resource, "target")):
        try:
            value = _canonical(draft.record_type, target, config)
        except DomainError as error:
            draft.reasons.append(error.reason(*loc))
        else:
            if value not in draft.rdata:
                draft.rdata.append(value)


def _canonical(record_type: RecordType, target: str, config: object) -> str:
    priority = _get(config, "priority")
    extra = _get(config, "extra_config")
    return rdata.canonical(
        record_type,
        target,
        priority=priority if type(priority) is int else None,
        extra=extra if isinstance(extra, dict) else {},
    )


def _targets(value: object) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield rules.TARGET, value
    elif isinstance(value, list):
        yield from (((*rules.TARGET, index), item) for index, item in enumerate(value))


def _extra_config_reasons(extra: object) -> Iterator[Reason]:
    try:
        text = json.dumps(extra, allow_nan=False)
    except ValueError:
        yield Reason(_EXTRA, "number_not_finite", "a number is too large to be stored")
        return
    if len(text) > MAX_EXTRA_CONFIG:
        yield Reason(_EXTRA, "extra_config_too_long", f"more than {MAX_EXTRA_CONFIG} characters of JSON")
    if _ESCAPED_NUL.search(text):
        yield Reason(_EXTRA, "control_character", "NUL characters cannot be stored")


def _has_reason(draft: Draft, loc: tuple[str | int, ...]) -> bool:
    return bool(draft.reasons) and any(reason.loc[:2] == loc for reason in draft.reasons)


def _get(raw: object, key: str) -> Any:
    """Return the value of that key, None where `raw` is no object or has no such key."""
    return raw.get(key) if isinstance(raw, dict) else None
