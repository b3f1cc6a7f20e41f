"""Turn what a client sent into a change, or into all the reasons why not."""

import json
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import ValidationError

from app.domain import names, rdata, rules
from app.domain.change import Action
from app.domain.errors import DomainError
from app.domain.rdata import RecordType
from app.domain.rules import Reason
from app.schemas.request import Submission

MAX_EXTRA_CONFIG = 8 * 1024  # characters of JSON

_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_TYPES = {record_type.value: record_type for record_type in RecordType}
_EXTRA = ("resource", "config", "extra_config")


class Asked(NamedTuple):
    """One change as a client sent it; the body is not validated yet."""

    action: Action
    body: object
    idempotency_key: str | None = None
    reasons: Sequence[Reason] = ()  # what the door found wrong with it already


@dataclass(slots=True)
class Draft:
    """What a change says by itself, and the reasons against it."""

    action: Action
    idempotency_key: str | None = None
    submission: Submission | None = None
    name: str | None = None
    record_type: RecordType | None = None
    rdata: list[str] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)


class Placed(NamedTuple):
    """A change and the zone that it belongs to; it may be stored when there are no reasons against it."""

    draft: Draft
    zone: str | None
    reasons: Sequence[Reason]


def read(asked: Asked) -> Draft:
    """Check everything that the body says by itself: its shape, the name, the RDATA."""
    draft = Draft(asked.action, asked.idempotency_key, reasons=list(asked.reasons))
    raw = asked.body
    try:
        draft.submission = Submission.model_validate(raw)
    except ValidationError as error:
        draft.reasons += shape_reasons(error)
    resource = _peek(raw, "resource")
    config = _peek(resource, "config")
    _read_name(draft, _peek(resource, "domain"))
    _read_rdata(draft, resource, config)
    if extra := _peek(config, "extra_config"):
        draft.reasons += _extra_config_reasons(extra)
    return draft


def place(draft: Draft, zones: Container[str]) -> Placed:
    """Find the zone that the name belongs to, and check the rules that need to know it."""
    if draft.name is None:
        return Placed(draft, None, draft.reasons)
    zone = names.longest_match(draft.name, zones)
    if zone is None:
        message = f"{draft.name} is in none of the zones that are served here"
        return Placed(draft, None, [*draft.reasons, Reason(rules.DOMAIN, "zone_unknown", message)])
    return Placed(draft, zone, [*draft.reasons, *_broken_rules(draft, zone)])


def _broken_rules(draft: Draft, zone: str) -> list[Reason]:
    """Those of which nothing is said yet at their place."""
    if draft.name is None or draft.record_type is None:
        return []
    found = rules.check(draft.action, zone, draft.name, draft.record_type, draft.rdata)
    return [reason for reason in found if not _has_reason(draft, reason.loc)]


def shape_reasons(error: ValidationError) -> list[Reason]:
    """What pydantic found, without its names for the branches of a union."""
    found = {
        Reason(_place(item["loc"]), item["type"], item["msg"]): None
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    }
    return list(found)


def _place(loc: Sequence[str | int]) -> tuple[str | int, ...]:
    if tuple(loc[:2]) != rules.TARGET:
        return tuple(loc)
    return (*rules.TARGET, *(part for part in loc[2:] if isinstance(part, int)))


def _read_name(draft: Draft, domain: object) -> None:
    if not isinstance(domain, str) or _has_reason(draft, rules.DOMAIN):
        return
    try:
        draft.name = names.normalize(domain)
    except DomainError as error:
        draft.reasons.append(Reason(rules.DOMAIN, error.code, error.message))


def _read_rdata(draft: Draft, resource: object, config: object) -> None:
    record_type = _peek(resource, "record_type")
    draft.record_type = _TYPES.get(record_type) if isinstance(record_type, str) else None
    if draft.record_type is None or _has_reason(draft, rules.TARGET):
        return
    for loc, target in _targets(_peek(resource, "target")):
        try:
            value = _canonical(draft.record_type, target, config)
        except DomainError as error:
            draft.reasons.append(Reason(loc, error.code, error.message))
        else:
            if value not in draft.rdata:
                draft.rdata.append(value)


def _canonical(record_type: RecordType, target: str, config: object) -> str:
    priority = _peek(config, "priority")
    extra = _peek(config, "extra_config")
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


def _peek(raw: object, key: str) -> Any:
    """The value of that key, None where there is no such thing."""
    return raw.get(key) if isinstance(raw, dict) else None
