"""The watcher: it asks every server for the serials of its zones, and finds what was changed beside us.

A thread of the worker process. One worker at a time watches a backend; another one takes over when it ends.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import NamedTuple
from uuid import UUID, uuid4

from app.core.backoff import Backoff, pause_after
from app.core.config import settings
from app.core.database import reading, transaction
from app.core.database_errors import DATABASE_ERRORS, is_locked, may_recover
from app.core.logging import bound, get_logger
from app.core.startup import cause
from app.domain.drift import DriftPolicy
from app.domain.errors import InventoryError, ZoneNotFound
from app.domain.retry_policy import READ_ZONE
from app.domain.server import Server
from app.domain.zone_key import dns_name
from app.nameservers.serials import Serial, ask_serials
from app.services.zones import drift as drifting
from app.services.zones.changes import TransferFailed, read_changes
from app.services.zones.confirm import confirm
from app.services.zones.registry import get_zone
from app.services.zones.servers import WatchedServers, watched_servers
from app.store import drift, watch
from app.store.watch import ServerStates, WatchedZone

log = get_logger(__name__)

_AT_ONCE = 16  # servers that are asked at the same time
_MAX_SHARE = 0.5  # of the time that rounds take: servers that are away cost time, signatures the processor's
_LONGEST_PAUSE = 60.0  # seconds between two rounds, for the sake of that share
_ROWS_AT_ONCE = 1_000  # zones whose servers are noted in one statement
# After a transfer that took long the zone is left alone so many times as long: some servers always send all.
_REST = 10
_SHORT = 0.5  # seconds
_BACKOFF = Backoff(*READ_ZONE.pauses)

Serials = Mapping[str, Serial]  # by the DNS name of a zone


def watch_until(stop: Event) -> None:
    """Watch every `WATCH_INTERVAL` seconds until `stop` is set, whatever happens."""
    if settings().simulated or not settings().watch_interval:
        return
    watcher = Watcher()
    said, pause = "", settings().watch_interval
    while not stop.wait(pause):
        began = time.monotonic()
        try:
            watcher.look()
            said = ""
        except DATABASE_ERRORS as error:
            if (reason := cause(error)) != said:  # said once, not with each round
                log.warning(
                    "zones not watched: the database failed; tried again until it works", error=reason
                )
            said = reason
        except Exception:  # if this ended, nobody would see what is changed beside us
            log.exception("zones not watched; another round follows soon")
        took = time.monotonic() - began
        pause = pause_after(took, _MAX_SHARE, least=settings().watch_interval, longest=_LONGEST_PAUSE)
    watcher.end()


class _Tries(NamedTuple):
    """How often in a row a zone could not be transferred, and when it is tried again."""

    failures: int = 0
    not_before: float = 0.0  # on the monotonic clock


@dataclass
class _Seen:
    """What this process has seen of a backend, which is what is stored of it."""

    servers: dict[str, ServerStates]  # by zone
    mute: frozenset[Server] = frozenset()  # servers that have not answered at all in the last round


class Watcher:
    """Watches the backends of the inventory that no other process watches."""

    def __init__(self) -> None:
        self._holder: UUID = uuid4()
        self._seen: dict[str, _Seen] = {}  # by backend
        self._tries: defaultdict[str, _Tries] = defaultdict(_Tries)  # by zone

    def look(self) -> None:
        """Look once at all zones of the backends that this process watches."""
        watched = dict(self._take_backends())
        for name in self._seen.keys() - watched.keys():
            del self._seen[name]
        zones = {}
        for name in watched:
            with transaction() as session:
                zones[name] = watch.list_zones(session, name)
        serials = _ask_all(watched, zones)
        for name, servers in watched.items():
            self._look_at(name, servers, zones[name], {each: serials[name, each] for each in servers.all})

    def end(self) -> None:
        """Let other processes watch at once."""
        try:
            with transaction() as session:
                watch.LEASES.release(session, self._holder)
        except DATABASE_ERRORS as error:
            log.warning("watch not released: others take over when it runs out", error=cause(error))

    def _take_backends(self) -> Iterator[tuple[str, WatchedServers]]:
        """Yield the backends that this process watches from now on, with their servers."""
        with transaction() as session:
            names = watch.list_backends(session)
        for name in names:
            try:
                servers = watched_servers(name)
            except InventoryError:  # another worker's, maybe; requests say so, and `GET /backends`
                continue
            with transaction() as session:
                if not watch.LEASES.acquire(session, name, self._holder, settings().lease):
                    continue
                if name not in self._seen:
                    self._seen[name] = _Seen(watch.servers_of(session, name))
            yield name, servers

    def _look_at(
        self,
        backend: str,
        servers: WatchedServers,
        zones: Sequence[WatchedZone],
        serials: Mapping[Server, Serials],
    ) -> None:
        seen = self._seen[backend]
        self._note_servers(seen, zones, serials)
        primary = servers.primary(seen.mute)
        for zone in zones:
            if zone.is_imported and not zone.is_importing and _has_news(zone, serials[primary.questions]):
                self._read(zone, primary.transfers)
        self._confirm(backend, primary.questions)
        _keep_policies(zones)

    def _note_servers(
        self, seen: _Seen, zones: Sequence[WatchedZone], serials: Mapping[Server, Serials]
    ) -> None:
        """Store what has changed of what the servers say; what is quiet is not written.

        A server that answers nothing at all is believed when it does so for the second time.
        """
        mute = frozenset(
            server for server, found in serials.items() if found and all(map(_is_error, found.values()))
        )
        for server in seen.mute - mute:
            log.info("server answers for its zones again", server=str(server))
        for server in mute - seen.mute:
            log.warning("server answers for none of its zones", server=str(server))
        credible = {server: found for server, found in serials.items() if server not in mute - seen.mute}
        seen.mute = mute
        changed = dict(_changed_states(seen.servers, zones, serials.keys(), credible))
        rows = list(changed.items())
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            with transaction() as session:
                watch.note_servers(session, dict(rows[start : start + _ROWS_AT_ONCE]))
        seen.servers |= changed
        names = {zone.name for zone in zones}
        for gone in seen.servers.keys() - names:
            del seen.servers[gone]

    def _read(self, zone: WatchedZone, primary: Server) -> None:
        """Read what has changed in the zone. One that can't be transferred is tried less and less often."""
        tries, began = self._tries[zone.name], time.monotonic()
        if began < tries.not_before:
            return
        with bound(zone=zone.name), _apart():
            self._tries[zone.name] = _Tries(tries.failures + 1, began + _BACKOFF.pause(tries.failures))
            try:
                read_changes(zone, primary, whole=_wants_comparison(zone))
                took = time.monotonic() - began
                rest = min(took * _REST, _LONGEST_PAUSE) if took > _SHORT else 0.0
                self._tries[zone.name] = _Tries(0, time.monotonic() + rest)
            except TransferFailed as error:
                if error.why != zone.watch_error:
                    log.warning(
                        "changes not read: the zone is not transferred; tried again",
                        code=error.code,
                        error=error.why,
                    )
                with transaction() as session:
                    watch.note_error(session, zone.name, error.why)

    def _confirm(self, backend: str, primary: Server) -> None:
        with transaction() as session:
            zones = drift.zones_with_candidates(session, backend)
        for zone in zones:
            with bound(zone=zone), _apart():
                if not confirm(zone, primary).answered:
                    log.debug("drift not confirmed: the primary does not answer; asked again")


@contextmanager
def _apart() -> Iterator[None]:
    """Let a fault that one zone alone may have, in the block, keep none of the others from being watched."""
    try:
        yield
    except DATABASE_ERRORS as error:
        if is_locked(error):
            log.warning("zone not watched in this round: others have locked it", error=cause(error))
        elif may_recover(error):  # it is the database's, and so everybody's
            raise
        else:
            log.exception("zone not watched in this round; another follows")
    except Exception:
        log.exception("zone not watched in this round; another follows")


def _ask_all(
    watched: Mapping[str, WatchedServers], zones: Mapping[str, Sequence[WatchedZone]]
) -> Mapping[tuple[str, Server], Serials]:
    """Ask all servers of all backends at the same time for the serials of their zones."""
    pairs = [(name, server) for name, servers in watched.items() for server in servers.all]
    if not pairs:
        return {}

    def ask(pair: tuple[str, Server]) -> Serials:
        name, server = pair
        return ask_serials(server, [dns_name(zone.name) for zone in zones[name]], settings().verify_timeout)

    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(pairs)), thread_name_prefix="serials") as pool:
        return dict(zip(pairs, pool.map(ask, pairs), strict=True))


def _changed_states(
    seen: Mapping[str, ServerStates],
    zones: Iterable[WatchedZone],
    servers: Iterable[Server],
    serials: Mapping[Server, Serials],
) -> Iterator[tuple[str, ServerStates]]:
    """Yield the zones of which something has changed on some server, with all that is to be stored."""
    names = {server: str(server) for server in servers}
    there = set(names.values())
    now = datetime.now(UTC).isoformat()
    for zone in zones:
        before = {} if zone.is_unseen else seen.get(zone.name, {})
        name = dns_name(zone.name)
        changed = {
            names[server]: state
            for server, found in serials.items()
            if (state := _state(before.get(names[server]), found[name], now)) is not None
        }
        if changed or before.keys() - there:
            kept = {server: state for server, state in before.items() if server in there}
            yield zone.name, kept | changed


def _state(before: Mapping[str, object] | None, found: Serial, now: str) -> dict[str, object] | None:
    """Return what is to be stored of a server; None when that is as it was.

    What it had before it failed stays: it is as old as it says.
    """
    if isinstance(found, int):
        if before is None or before["serial"] != found:
            return {"serial": found, "since": now, "error": None}
        return None if before["error"] is None else {**before, "error": None}
    if before is None:
        return {"serial": None, "since": now, "error": found}
    return None if before["error"] == found else {**before, "error": found}


def _is_error(serial: Serial) -> bool:
    return isinstance(serial, str)


def _has_news(zone: WatchedZone, serials: Serials) -> bool:
    """Return whether the primary has another serial than is known, or the whole zone is to be compared."""
    serial = serials[dns_name(zone.name)]
    if isinstance(serial, str):
        return False
    return serial != zone.known_serial or _wants_comparison(zone)


def _wants_comparison(zone: WatchedZone) -> bool:
    """Return whether somebody has asked for a comparison of the whole zone, or it is time for one."""
    every = settings().watch_compare_interval
    if zone.is_comparison_wanted or not every or zone.since_compared is None:
        return zone.is_comparison_wanted
    return zone.since_compared > every


def _keep_policies(zones: Iterable[WatchedZone]) -> None:
    """Adopt or restore what has drifted where the zone's setting says so."""
    for policy in (DriftPolicy.ADOPT, DriftPolicy.RESTORE):
        names = [zone.name for zone in zones if zone.policy == policy]
        if not names:
            continue
        with transaction() as session:
            drifted = drift.zones_to_settle(session, names, new=policy is DriftPolicy.RESTORE)
        for name in drifted:
            with bound(zone=name), _apart(), suppress(ZoneNotFound):  # it is served no more
                with reading() as session:
                    served = get_zone(session, name)
                drifting.keep_policy(served)
