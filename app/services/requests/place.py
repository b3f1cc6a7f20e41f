"""Find the zone of a change, and check what depends on it: its rules, its settings, and who may make it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from app.domain import rules
from app.domain.change import Action
from app.domain.checks import Checks, check_names
from app.domain.errors import Reason, quoted
from app.domain.permissions import Asked
from app.domain.places import DOMAIN
from app.domain.restrictions import allows_type, warnings_of_zone, why_restricted
from app.domain.views import Several, Views
from app.domain.warnings import warnings_of
from app.domain.zone_choice import AskedZone, ZoneChoice, choose_zone
from app.domain.zone_settings import ZoneSettings
from app.schemas.request import Resource
from app.services.requests.authorise import NeedsReview, judge_all
from app.services.requests.draft import OF_NO_ZONE, Draft, Refused, ValidChange
from app.services.requests.owners import Owners
from app.services.requests.ptr_places import NOWHERE, PtrPlaces

_dump = Resource.__pydantic_serializer__.to_python  # what model_dump calls, without its own third of the time


def place_in_zone(
    draft: Draft,
    zones: Mapping[str, ZoneSettings],
    owners: Owners | None = None,
    ptrs: PtrPlaces = NOWHERE,
    views: Views | None = None,
) -> ValidChange | Refused:
    """Find the zone that the name belongs to, and check the rules that depend on the zone.

    `zones` are those that are served, by their keys, each with its settings; `views` are made of them unless
    they are given. `owners` takes note of what may be queued.
    `ptrs` are the places of the PTRs that restricted callers ask for.
    """
    zone, against_zone = zone_of(draft, views or Views(zones))
    judged = None if zone is None or draft.cut_short else _judge(draft, zone, zones, owners, ptrs)
    if isinstance(judged, Reason):
        return Refused([judged])
    settings = OF_NO_ZONE if zone is None else zones[zone]
    found = against_zone or _zone_reasons(draft, zone, settings)
    if against_zone and draft.submission is None:  # what it says of its zone and view can't be read
        found = ()
    reasons = draft.reasons if draft.cut_short else [*draft.reasons, *found]
    if reasons or zone is None or draft.name is None or draft.submission is None:
        return Refused(reasons)
    context, resource = draft.submission.context, draft.submission.resource
    not_before = context.not_before and context.not_before.astimezone(UTC)
    if owners is not None and judged is None and not (not_before and not_before > datetime.now(UTC)):
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
        not_before=not_before,
        warnings=_warnings(draft, draft.name, resource, settings),
        expect=draft.expect,
        undoes=draft.undoes,
        ptr_of=draft.ptr_of,
        reason=context.reason,
        ticket=context.ticket,
        traceparent=draft.traceparent,
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


def zone_of(
    draft: Draft, views: Views
) -> ZoneChoice | tuple[str | None, tuple[Reason, ...]]:  # which is made in half the time
    """Return the key of the zone that the change is for, and the reasons against it."""
    if draft.name is None:
        return None, ()
    asked = draft.asked_zone
    if asked is None:
        found = views.zone_of(draft.name)
        if not isinstance(found, Several):
            return found, ()
        asked = AskedZone(None, None)
    return choose_zone(draft.action, draft.name, draft.record_type, asked, views)


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
    return [reason for reason in found if not draft.has_reason(reason.loc)]
