"""Imports: a zone becomes known as a whole, from its primary or from a master file that was posted.

The API notes that an import is wanted, a worker does it: only workers reach the servers. The whole zone is
staged in one transaction, and merged with what is recorded of it (store/staging.py).
"""

import gzip
import io
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Any

import psycopg
from sqlalchemy.orm import Session

from app.core.config import settings
from app.core.database import reading, statements, transaction
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import bound, get_logger
from app.core.startup import cause
from app.domain.errors import ImportRunning, InvalidInput, InventoryError, Reason, UnknownBackend
from app.domain.master_file import MasterFile
from app.domain.origin import ImportState, Source
from app.domain.permissions import Caller
from app.domain.server import Server
from app.domain.zone_key import dns_name
from app.domain.zone_record import ZoneRecord
from app.nameservers.transfer import Limits, TransferFailed, transfer
from app.services.access import audit
from app.services.backends import KNOWN_FOR
from app.services.zones.catalog import members_of
from app.services.zones.registry import get_zone
from app.services.zones.servers import watched_servers
from app.store import backends
from app.store import imports as store
from app.store.imports import Wanted
from app.store.models import ZoneState
from app.store.staging import Staging

log = get_logger(__name__)

CHECKED_AT_ONCE = 1024 * 1024  # bytes of a posted file, up to which it is read before the answer
CHECKED_FOR = 2.0  # seconds at most

_PAUSE = 1.0  # seconds between two looks for what is wanted
_IDLE = 30.0  # seconds without an octet; a server needs some before it begins to send a large zone
_PROGRESS_INTERVAL = 1.0  # seconds
_MAX_NAMED = 20  # owner names that a message lists
_GENERAL_CODE = "import_failed"


@dataclass(frozen=True, slots=True)
class Import:
    """The last import of a zone, and what is known of the zone since."""

    zone: str
    state: ImportState | None  # None: there was none
    source: str | None
    wanted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    rrsets: int | None  # read so far
    code: str | None  # why it failed
    error: str | None
    result: Mapping[str, Any] | None
    imported_at: datetime | None  # None: the zone is not known as a whole
    serial: int | None  # up to which the records are true


class ImportFailed(Exception):
    """The import has failed: its code, the words, and what has been found."""

    def __init__(self, code: str, words: str, result: Mapping[str, Any] | None = None) -> None:
        super().__init__(code, words)
        self.code = code
        self.words = words
        self.result = result


def order_import(caller: Caller, name: str, source: Source, file: bytes | None = None) -> Import:
    """Have the zone imported; `file` is a master file, compressed with gzip, read at once if it is small.

    Raises ZoneNotFound, ImportRunning, InvalidInput with all that is wrong with the file.
    """
    if file is not None:
        with reading() as session:
            zone = get_zone(session, name).name
        check_small_file(zone, file)
    with transaction() as session:
        return want_import(session, caller, name, source, file)


def want_import(
    session: Session, caller: Caller, name: str, source: Source, file: bytes | None = None
) -> Import:
    """Note that the zone is to be imported; `file` is a master file, compressed with gzip.

    Raises ZoneNotFound, ImportRunning.
    """
    zone = get_zone(session, name).name
    if not store.want(session, zone, source, file):
        raise ImportRunning(zone)
    audit.note(session, caller, "zone_import", zone, after={"from": source.value})
    return find_import(session, zone)


def check_small_file(zone: str, file: bytes) -> None:
    """Read a master file, compressed with gzip, unless that takes long: a worker does it then.

    Raises InvalidInput with all that is wrong with it.
    """
    size = int.from_bytes(file[-4:], "little")  # RFC 1952 2.3.1
    if size > CHECKED_AT_ONCE or b"$GENERATE" in gzip.decompress(file).upper():
        return
    until = time.monotonic() + CHECKED_FOR
    for _ in _read_file(zone, file).records():
        if time.monotonic() > until:
            return


def find_import(session: Session, name: str) -> Import:
    """Return the zone's last import. Raises ZoneNotFound."""
    zone = get_zone(session, name).name
    row = store.get(session, zone) or ZoneState(zone=zone)
    return Import(
        zone=zone,
        state=row.import_state,
        source=row.import_from,
        wanted_at=row.import_wanted_at,
        started_at=row.import_started_at,
        finished_at=row.import_finished_at,
        rrsets=row.import_rrsets,
        code=row.import_code,
        error=row.import_error,
        result=row.import_result,
        imported_at=row.imported_at,
        serial=row.known_serial,
    )


def import_until(stop: Event) -> None:
    """Import what is wanted, one zone after the other, until `stop` is set."""
    said = ""
    while not stop.wait(_PAUSE):
        try:
            import_wanted(stop)
            said = ""
        except DATABASE_ERRORS as error:
            if (reason := cause(error)) != said:  # said once, not each second
                log.warning("no zone is imported: the database failed; tried again soon", error=reason)
            said = reason
        except Exception:  # if this ended, nobody would import any more
            log.exception("a zone was not imported; tried again soon")


def import_wanted(stop: Event) -> None:
    """Import every zone that is wanted, unless another worker does."""
    with statements() as session:
        wanted = store.list_wanted(session)
    for each in wanted:
        if stop.is_set():
            return
        with bound(zone=each.zone):
            if not _is_of_others(each):
                _import(each)


def _is_of_others(wanted: Wanted) -> bool:
    """Whether other workers reach the zone's servers, and this one does not."""
    if wanted.source == Source.FILE:
        return False
    with statements() as session:
        if settings().simulated:
            return backends.are_real(session)
        others = backends.list_names(session, KNOWN_FOR)
    try:
        watched_servers(wanted.backend)
    except UnknownBackend:
        return wanted.backend in others
    except InventoryError:  # the import fails, and says so
        return False
    return False


def _import(wanted: Wanted) -> None:
    began = time.monotonic()
    try:
        with transaction() as session:
            if not store.lock(session, wanted.zone):
                return
            with statements() as other:  # seen by others at once
                source = store.start(other, wanted.zone)
            if source is None:
                return
            result = _run(session, wanted, Source(source))
    except (ImportFailed, TransferFailed, InventoryError) as error:
        _fail(wanted.zone, error)
        return
    except (*DATABASE_ERRORS, psycopg.Error) as error:
        _fail(wanted.zone, ImportFailed(_GENERAL_CODE, f"the database failed: {cause(error)}"))
        return
    except Exception:  # or it would be begun again and again
        log.exception("zone not imported")
        _fail(wanted.zone, ImportFailed(_GENERAL_CODE, "an error of the worker, whose log says more"))
        return
    log.info("zone imported", seconds=round(time.monotonic() - began, 1), **result)


def _run(session: Session, wanted: Wanted, source: Source) -> Mapping[str, Any]:
    match source:
        case Source.TRANSFER:
            return _import_from_primary(session, wanted)
        case Source.FILE:
            return _import_from_file(session, wanted)
        case Source.CATALOG:
            return _read_catalog(wanted)


def _import_from_primary(session: Session, wanted: Wanted) -> Mapping[str, Any]:
    staging = Staging(session, wanted.zone)
    with transfer(_primary(wanted), dns_name(wanted.zone), _limits()) as found:
        staging.fill(_counted(wanted.zone, found.records()))
        _hold(session, wanted)
        merged = staging.merge(found.soa.serial)
        store.note_known(session, wanted.zone, found.soa)
        result = {**merged.as_json(), "serial": found.soa.serial, "octets": found.octets}
    store.finish(session, wanted.zone, merged.rrsets, result)
    return result


def _import_from_file(session: Session, wanted: Wanted) -> Mapping[str, Any]:
    content = store.posted(session, wanted.zone)
    if content is None:
        raise ImportFailed(_GENERAL_CODE, "the posted file is not there any more: post it again")
    staging, file = Staging(session, wanted.zone), _read_file(wanted.zone, content)
    try:
        staging.fill(_counted(wanted.zone, file.records()))
    except InvalidInput as error:
        raise _unreadable(error.reasons) from error
    if names := staging.cname_conflicts(_MAX_NAMED):
        words = f"these names have a CNAME and other data, or several (RFC 1034 3.6.2): {', '.join(names)}"
        raise ImportFailed("cname_conflict", words)
    assert file.soa is not None
    _hold(session, wanted)
    merged = staging.merge(None)
    store.note_known(session, wanted.zone, file.soa)
    result = {**merged.as_json(), "serial": file.soa.serial}
    store.finish(session, wanted.zone, merged.rrsets, result)
    return result


def _read_catalog(wanted: Wanted) -> Mapping[str, Any]:
    """Read the members of a catalog zone (RFC 9432). The API then registers them: it keeps the audit."""
    zone = dns_name(wanted.zone)
    with transfer(_primary(wanted), zone, _limits()) as found:
        catalog = members_of(zone, found.records(), settings().import_max_records)
    if isinstance(catalog, str):
        raise ImportFailed("catalog_invalid", catalog)
    result = {"members": len(catalog)}
    with statements() as session:
        store.note_members(session, wanted.zone, catalog)
    return result


def _hold(session: Session, wanted: Wanted) -> None:
    """Raise ImportFailed where the zone was removed, or moved, while it was read; nobody removes it then."""
    if not store.hold(session, wanted.zone, wanted.backend):
        words = "the zone was removed, or is served by another backend, since the import has begun"
        raise ImportFailed(_GENERAL_CODE, words)


def _primary(wanted: Wanted) -> Server:
    if settings().simulated:
        raise ImportFailed("import_simulated", "the worker only simulates: it reaches no DNS server")
    return watched_servers(wanted.backend).primaries[0].transfers


def _limits() -> Limits:
    return Limits(
        min(_IDLE, settings().transfer_timeout), settings().transfer_timeout, settings().transfer_bytes
    )


def _read_file(zone: str, content: bytes) -> MasterFile:
    lines = io.TextIOWrapper(gzip.GzipFile(fileobj=io.BytesIO(content)), encoding="utf-8-sig")
    return MasterFile(_lines(lines), dns_name(zone), settings().import_max_records)


def _lines(file: Iterable[str]) -> Iterator[str]:
    """Yield the lines. Raises InvalidInput where they are no text."""
    number = 1
    try:
        for line in file:
            yield line
            number += 1
    except UnicodeDecodeError as error:
        reason = Reason(("line", number), "master_file_invalid", "from here on it is not UTF-8")
        raise InvalidInput([reason]) from error


def _counted(zone: str, records: Iterable[ZoneRecord]) -> Iterator[ZoneRecord]:
    """Hand the records on, and note now and then how many RRsets they are. Raises ImportFailed."""
    most, last, rrsets = settings().import_max_records, ("", ""), 0
    next_note = time.monotonic() + _PROGRESS_INTERVAL
    for number, record in enumerate(records):
        if number >= most:
            raise ImportFailed("zone_too_large", f"the zone has more than {most:,} records")
        if (record.name, record.type) != last:
            last = (record.name, record.type)
            rrsets += 1
            if rrsets % 1_000 == 0 and time.monotonic() > next_note:
                next_note = time.monotonic() + _PROGRESS_INTERVAL
                with statements() as session:
                    store.note_progress(session, zone, rrsets)
        yield record


def _unreadable(reasons: Sequence[Reason]) -> ImportFailed:
    found = [
        {"line": next((part for part in each.loc if isinstance(part, int)), None)}
        | {"type": each.code, "msg": each.message}
        for each in reasons
    ]
    words = f"the master file can't be read: {reasons[0].message}"
    return ImportFailed("master_file_invalid", words, {"errors": found})


def _fail(zone: str, error: ImportFailed | TransferFailed | InventoryError) -> None:
    match error:
        case ImportFailed(code=code, words=words, result=result):
            pass
        case TransferFailed(code=code, why=words):
            result = None
        case _:
            code, words, result = error.code, str(error), None
    log.warning("zone not imported; what is recorded of it stays as it is", code=code, reason=words)
    with statements() as session:
        if store.fail(session, zone, code, words, result):
            store.forget(session, zone)
