"""The zones that are served, and what they hold."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack
from uuid import uuid4

from dns_orchestrator.call import Call, Flow, Group, Mode, Stream, call, flow, given, pages, part, stream
from dns_orchestrator.models.base import Page
from dns_orchestrator.models.requests import HistoryItem, HistoryPage, Request
from dns_orchestrator.models.zones import (
    Adopted,
    BackendList,
    Drift,
    Drifted,
    Import,
    Record,
    Restoration,
    RRsetOfZone,
    Zone,
    ZoneCheck,
    ZoneDetail,
    ZoneList,
)
from dns_orchestrator.waiting import preference, seconds_of, submission

_ASKING = 60.0  # seconds: a worker asks the zone's servers
RRsetName = tuple[str, str]  # the owner name and the type


class RecordFilters(TypedDict, total=False):
    """Which records: those that match all that is given, each exactly."""

    zone: str | None
    domain: str | None
    record_type: str | None
    account_id: str | None
    owner: str | None


class Zones(Group[Mode]):
    """`client.zones`. A zone goes by its key: its name, or name@view."""

    @call
    def list(self) -> Call[ZoneList]:
        """Return every zone."""
        return Call("GET", "/zones", ZoneList)

    @call
    def get(self, zone: str) -> Call[ZoneDetail]:
        """Return a zone with its settings, its last import, and the serials of its servers."""
        return Call("GET", f"/zones/{part(zone)}", ZoneDetail)

    @call
    def add(self, /, name: str, backend: str, *, check: bool = True, **settings: Any) -> Call[Zone]:
        """Serve a zone; its answer's `check` has what its servers lack."""
        body = {"name": name, "backend": backend, **settings}
        query = {} if check else {"check": False}
        return Call("POST", "/zones", Zone, query=query, json=body, repeatable=False, seconds=_ASKING)

    @call
    def change(self, /, zone: str, **settings: Any) -> Call[Zone]:
        """Change settings, or the `backend`; None resets a setting to its default."""
        return Call("PATCH", f"/zones/{part(zone)}", Zone, json=settings)

    @call
    def remove(self, zone: str, *, cancel_open: bool = False) -> Call[None]:
        """Serve a zone no more; what is on its servers stays."""
        query = {"cancel_open": True} if cancel_open else {}
        return Call("DELETE", f"/zones/{part(zone)}", type(None), query=query, repeatable=False)

    @call
    def check(self, zone: str) -> Call[ZoneCheck]:
        """Have a worker ask every server of a zone for what it needs."""
        return Call("POST", f"/zones/{part(zone)}/check", ZoneCheck, seconds=_ASKING)

    @call
    def import_(
        self, zone: str, *, master_file: str | bytes | None = None, catalog: bool = False
    ) -> Call[Import]:
        """Have a worker record what a zone holds: as its primary has it, or a master file."""
        path = f"/zones/{part(zone)}/import"
        if master_file is None:
            return Call("POST", path, Import, json={"catalog": True} if catalog else None, repeatable=False)
        content = master_file.encode() if isinstance(master_file, str) else master_file
        headers = {"Content-Type": "text/dns"}
        return Call("POST", path, Import, content=content, headers=headers, repeatable=False)

    @call
    def last_import(self, zone: str) -> Call[Import]:
        """Return how far the last import of a zone is."""
        return Call("GET", f"/zones/{part(zone)}/import", Import)

    @call
    def export(self, zone: str) -> Call[str]:
        """Return an imported zone as a master file."""
        return Call("GET", f"/zones/{part(zone)}/export", str, seconds=_ASKING)

    @call
    def rrset(self, zone: str, name: str, record_type: str) -> Call[RRsetOfZone]:
        """Return an RRset as it is recorded; `name` is relative to the zone, or whole."""
        return Call("GET", _rrset_path(zone, name, record_type), RRsetOfZone)

    @flow
    def put_rrset(
        self,
        zone: str,
        name: str,
        record_type: str,
        target: str | Sequence[str],
        *,
        ttl: int | None = None,
        comment: str | None = None,
        etag: str | None = None,
        only_new: bool = False,
        account_id: str | None = None,
        wait: float | None = None,
    ) -> Flow[Request]:
        """Have an RRset be this one; with an `etag` only if it is still as it was read."""
        values = target if isinstance(target, str) else [*target]
        resource = given(target=values, comment=comment, config=given(ttl=ttl) or None)
        body = {"resource": resource, **given(context=given(account_id=account_id) or None)}
        headers = {**_condition(etag), **({"If-None-Match": "*"} if only_new else {})}
        path = _rrset_path(zone, name, record_type)
        return submission(path, wait, body, headers | _key(), method="PUT")

    @flow
    def delete_rrset(
        self,
        zone: str,
        name: str,
        record_type: str,
        *,
        etag: str | None = None,
        account_id: str | None = None,
        wait: float | None = None,
    ) -> Flow[Request]:
        """Have a whole RRset removed; with an `etag` only if it is still as it was read."""
        body = given(context=given(account_id=account_id) or None)
        path = _rrset_path(zone, name, record_type)
        return submission(path, wait, body or None, _condition(etag) | _key(), method="DELETE")

    @stream
    def history(self, zone: str, name: str, record_type: str, *, page_size: int = 20) -> Stream[HistoryItem]:
        """Give what was done to an RRset, the newest first; `name` is relative to the zone, or whole."""
        path = f"/zones/{part(zone)}/rrsets/{part(name)}/{part(record_type)}/history"
        return pages(Call("GET", path, HistoryPage, query={"limit": page_size}))


def _rrset_path(zone: str, name: str, record_type: str) -> str:
    return f"/zones/{part(zone)}/rrsets/{part(name)}/{part(record_type)}"


def _condition(etag: str | None) -> dict[str, str]:
    return {} if etag is None else {"If-Match": etag if etag == "*" else f'"{etag}"'}


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


class DriftCalls(Group[Mode]):
    """`client.drift`: what others have changed in imported zones."""

    @call
    def look(self, zone: str, *, limit: int = 100, cursor: str | None = None) -> Call[Drift]:
        """Return a page of what has drifted, and up to when that is known."""
        return Call("GET", f"/zones/{part(zone)}/drift", Drift, query={"limit": limit, "cursor": cursor})

    @stream
    def list(self, zone: str, *, page_size: int = 100) -> Stream[Drifted]:
        """Give what has drifted."""
        return pages(Call("GET", f"/zones/{part(zone)}/drift", Drift, query={"limit": page_size}))

    @call
    def adopt(self, zone: str, rrsets: Sequence[RRsetName] | None = None) -> Call[Adopted]:
        """Record what was found, of these RRsets or of all; no server is changed."""
        path = f"/zones/{part(zone)}/drift/adopt"
        return Call("POST", path, Adopted, json=_selection(rrsets) or None, repeatable=False)

    @call
    def restore(
        self,
        zone: str,
        rrsets: Sequence[RRsetName] | None = None,
        *,
        comment: str | None = None,
        reason: str | None = None,
        ticket: str | None = None,
        wait: float | None = None,
    ) -> Call[Restoration]:
        """Submit requests that restore what is recorded, of these RRsets or of all.

        With `wait` the answer comes when they are settled, or after so many seconds.
        """
        context = given(reason=reason, ticket=ticket)
        body = {**_selection(rrsets), **given(comment=comment, context=context or None)}
        path = f"/zones/{part(zone)}/drift/restore"
        return Call(
            "POST",
            path,
            Restoration,
            json=body or None,
            headers=preference(wait),
            seconds=seconds_of(wait),
            repeatable=False,
        )

    @call
    def check(self, zone: str, rrsets: Sequence[RRsetName] | None = None) -> Call[Drift]:
        """Have the primary asked for these RRsets, or the whole zone compared with its records."""
        return Call("POST", f"/zones/{part(zone)}/drift/check", Drift, json=_selection(rrsets) or None)


class Records(Group[Mode]):
    """`client.records`: what the authoritative servers answer."""

    @stream
    def list(self, *, page_size: int = 100, **filters: Unpack[RecordFilters]) -> Stream[Record]:
        """Give records, by zone, name and type."""
        query = {**filters, "limit": page_size}
        return pages(Call("GET", "/dns/records", Page[Record], query=query))


class Backends(Group[Mode]):
    """`client.backends`: the DNS services behind the zones."""

    @call
    def list(self) -> Call[BackendList]:
        """Return every backend: well, or resting, why and since when."""
        return Call("GET", "/backends", BackendList)


def _selection(rrsets: Sequence[RRsetName] | None) -> Mapping[str, Any]:
    if rrsets is None:
        return {}
    return {"rrsets": [{"domain": name, "record_type": record_type} for name, record_type in rrsets]}
