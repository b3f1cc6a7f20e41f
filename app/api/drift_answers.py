"""Drift, as the shapes on the wire."""

from collections.abc import Sequence

from app.domain.change import RRsetState
from app.domain.names import in_unicode
from app.schemas.response import (
    AdoptedOut,
    DriftOut,
    DriftPage,
    Reason,
    RestoredList,
    RestoredOut,
    RRsetStateOut,
)
from app.services.requests.submission import Accepted, Submitted, reasons_of
from app.services.zones.drift import Restored, ZoneDrift
from app.services.zones.registry import ServedZone
from app.store.drift import DriftedRRset

_MAX_SHOWN = 1_000  # of what was adopted


def drift_page(zone: ServedZone, found: ZoneDrift) -> DriftPage:
    """Return a page of what has drifted in a zone."""
    watched = found.watched
    return DriftPage(
        zone=zone.name,
        imported_at=watched.imported_at,
        serial=watched.known_serial,
        looked_at=watched.looked_at,
        compared_at=watched.full_compare_at or watched.imported_at,
        comparison_wanted=watched.compare_wanted_at is not None,
        error=watched.watch_error,
        drifted=found.drifted,
        candidates=found.candidates,
        items=list(map(drift_out, found.page.items)),
        next_cursor=found.page.next_cursor,
    )


def drift_out(drifted: DriftedRRset) -> DriftOut:
    """Return an RRset that has drifted."""
    return DriftOut(
        domain=drifted.name,
        domain_unicode=in_unicode(drifted.name),
        record_type=drifted.record_type,
        kind=drifted.kind,
        recorded=_state(drifted.recorded),
        found=_state(drifted.found),
        serial=drifted.serial,
        found_at=drifted.found_at,
        restored_by=drifted.restored_by,
    )


def adopted_out(adopted: Sequence[DriftedRRset]) -> AdoptedOut:
    """Return what was adopted."""
    return AdoptedOut(adopted=len(adopted), items=list(map(drift_out, adopted[:_MAX_SHOWN])))


def restored_out(restored: Restored) -> RestoredList:
    """Return what is to be restored."""
    items = [_restored(drifted, result) for drifted, result in restored.items]
    return RestoredList(batch_id=restored.batch_id, items=items)


def _restored(drifted: DriftedRRset, result: Submitted) -> RestoredOut:
    return RestoredOut(
        domain=drifted.name,
        record_type=drifted.record_type,
        request_id=result.request.id if isinstance(result, Accepted) else None,
        status=result.request.status if isinstance(result, Accepted) else None,
        error=None,
        errors=[
            Reason(loc=list(reason.loc), msg=reason.message, type=reason.code)
            for reason in reasons_of(result)
        ],
    )


def _state(state: RRsetState) -> RRsetStateOut | None:
    return RRsetStateOut(ttl=state.ttl, target=list(state.rdata)) if state.rdata else None
