"""What is known of zones, as the shapes on the wire."""

from app.domain.permissions import Caller
from app.domain.zone_key import dns_name, view_of
from app.schemas.response import (
    ImportErrorOut,
    ImportOut,
    ThresholdOut,
    ZoneCheckOut,
    ZoneDetail,
    ZoneFindingOut,
    ZoneOut,
    ZoneServerOut,
)
from app.services.zones.check_orders import Check
from app.services.zones.imports import Import
from app.services.zones.registry import ServedZone
from app.store.watch import Watched


def zone_out(zone: ServedZone, caller: Caller, check: Check | None = None) -> ZoneOut:
    """Return a zone that is served, and its last check, as the caller may see it."""
    settings = zone.settings
    types = settings.allowed_types
    return ZoneOut(
        name=dns_name(zone.name),
        view=view_of(zone.name),
        key=zone.name,
        backend=zone.backend if caller.principal.reads_in_full else None,
        checks=settings.checks,
        default_ttl=settings.default_ttl,
        min_ttl=settings.min_ttl,
        max_ttl=settings.max_ttl,
        allowed_types=None if types is None else sorted(types),
        unknown_types=settings.unknown_types,
        protected_names=list(settings.protected_names.patterns),
        private_addresses=settings.private_addresses,
        owner=settings.rights.owner,
        others=settings.rights.others,
        reserved={
            pattern: account
            for pattern, account in settings.rights.reserved.accounts.items()
            if caller.principal.reads(account)
        },
        max_deletes=ThresholdOut(**settings.max_deletes._asdict()),
        max_changes=ThresholdOut(**settings.max_changes._asdict()),
        approvers=sorted(settings.approvers),
        approval_timeout=settings.approval_timeout,
        ungranted=settings.rights.ungranted,
        drift=settings.drift,
        set=list(settings.chosen),
        check=zone_check_out(check) if check and caller.principal.reads_in_full else None,
        created_at=zone.created_at,
        updated_at=zone.updated_at,
    )


def zone_detail(
    zone: ServedZone, caller: Caller, check: Check | None, imported: Import, watched: Watched
) -> ZoneDetail:
    """Return a zone with its last import and its serials on each server, as the caller may see it."""
    reads_in_full = caller.principal.reads_in_full
    servers = [
        ZoneServerOut(server=server, serial=state["serial"], since=state["since"], error=state["error"])
        for server, state in (watched.servers or {}).items()
    ]
    return ZoneDetail(
        **dict(zone_out(zone, caller, check)),
        **{"import": import_out(imported) if reads_in_full and imported.state is not None else None},
        serial=watched.known_serial,
        servers=servers if reads_in_full and watched.servers is not None else None,
        looked_at=watched.looked_at,
    )


def import_out(found: Import) -> ImportOut:
    """Return the last import of a zone."""
    return ImportOut(
        zone=found.zone,
        state=found.state,
        source=found.source,
        wanted_at=found.wanted_at,
        started_at=found.started_at,
        finished_at=found.finished_at,
        rrsets=found.rrsets,
        error=ImportErrorOut(code=found.code, message=found.error or "") if found.code else None,
        result=None if found.result is None else dict(found.result),
        imported_at=found.imported_at,
        serial=found.serial,
    )


def zone_check_out(found: Check) -> ZoneCheckOut:
    """Return how a check of a zone has ended."""
    findings = [
        ZoneFindingOut(server=each.server, need=each.need.value, code=each.code, message=each.words)
        for each in found.findings
    ]
    return ZoneCheckOut(state=found.state.value, at=found.at, why=found.why, findings=findings)
