"""Zones, what they hold, and what others have changed in them; and the backends that serve them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from dns_orchestrator.models.base import Model
from dns_orchestrator.models.requests import RefusalReason, RequestError, RRset


class Threshold(Model):
    """How many RRsets one batch may change; None: any number."""

    number: int | None = None
    percent: int | None = None


class ZoneFinding(Model):
    """What one server of a zone said when it was asked for what the zone needs; without a code it does."""

    server: str
    need: str
    code: str | None = None
    message: str


class ZoneCheck(Model):
    """Whether the servers of a zone do what it needs: well, faulty, or unknown."""

    state: str
    at: datetime
    why: str | None = None
    findings: list[ZoneFinding]


class ZoneServer(Model):
    """What one server of a zone answers for its serial."""

    server: str
    serial: int | None = None
    since: datetime
    error: str | None = None


class ImportFailure(Model):
    """Why an import has failed."""

    code: str
    message: str


class Import(Model):
    """The last import of a zone; `state` is wanted, running, done, failed, or None: there was none."""

    zone: str
    state: str | None = None
    source: str | None = None
    wanted_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    rrsets: int | None = None
    error: ImportFailure | None = None
    result: Mapping[str, Any] | None = None
    imported_at: datetime | None = None
    serial: int | None = None


class Zone(Model):
    """A zone that is served, and the settings that are in effect in it. `key` is what calls take."""

    name: str
    view: str | None = None
    key: str
    backend: str | None = None
    checks: str
    default_ttl: int
    min_ttl: int
    max_ttl: int
    allowed_types: list[str] | None = None
    unknown_types: bool
    protected_names: list[str]
    private_addresses: str
    owner: str | None = None
    others: str
    reserved: Mapping[str, str]
    max_deletes: Threshold
    max_changes: Threshold
    approvers: list[str]
    approval_timeout: int | None = None
    ungranted: str
    drift: str
    set_: list[str] = Field(alias="set")
    check: ZoneCheck | None = None
    created_at: datetime
    updated_at: datetime


class ZoneDetail(Zone):
    """A zone, its last import, and which serial each of its servers has."""

    import_: Import | None = Field(None, alias="import")
    serial: int | None = None
    servers: list[ZoneServer] | None = None
    looked_at: datetime | None = None


class ZoneList(Model):
    """Every zone, by name."""

    items: list[Zone]


class Record(Model):
    """An RRset as the authoritative servers answer it."""

    zone: str
    view: str | None = None
    domain: str
    domain_unicode: str
    record_type: str
    ttl: int
    target: list[str]
    target_unicode: list[str] | None = None
    account_id: str | None = None
    owner: str | None = None
    request_id: UUID | None = None
    origin: str
    comment: str | None = None
    created_at: datetime
    updated_at: datetime


class RRsetOfZone(Record):
    """An RRset, with the `etag` by which it is changed only as it was read."""

    etag: str


class Drifted(Model):
    """An RRset that the primary has otherwise than it is recorded: added, changed or missing there."""

    domain: str
    domain_unicode: str
    record_type: str
    kind: str
    recorded: RRset | None = None
    found: RRset | None = None
    serial: int | None = None
    found_at: datetime
    restored_by: UUID | None = None


class Drift(Model):
    """What has drifted in a zone, and up to when that is known: a page of it."""

    zone: str
    imported_at: datetime | None = None
    serial: int | None = None
    looked_at: datetime | None = None
    compared_at: datetime | None = None
    comparison_wanted: bool
    error: str | None = None
    drifted: int
    candidates: int
    items: list[Drifted]
    next_cursor: str | None = None


class Adopted(Model):
    """What was adopted: how much, and the first 1,000 of it."""

    adopted: int
    items: list[Drifted]


class Restored(Model):
    """An RRset that is to be restored: the request for it, or the reasons against one."""

    domain: str
    record_type: str
    request_id: UUID | None = None
    status: str | None = None
    error: RequestError | None = None
    errors: list[RefusalReason]


class Restoration(Model):
    """What is to be restored, as a batch of requests."""

    batch_id: UUID | None = None
    items: list[Restored]


class Fault(Model):
    """What keeps a backend or a zone from working; without `next_try` it is being tried."""

    since: datetime
    code: str
    why: str
    next_try: datetime | None = None


class RestingZone(Fault):
    """A zone with a fault of its own."""

    zone: str


class Backend(Model):
    """A DNS service that zones are served by: well, resting, probing, or unknown."""

    name: str
    state: str
    seen_at: datetime | None = None
    fault: Fault | None = None
    zones: int
    open_requests: int
    honours: list[str] | None = None
    resting_zones: list[RestingZone]


class BackendList(Model):
    """Every backend, by name."""

    items: list[Backend]
