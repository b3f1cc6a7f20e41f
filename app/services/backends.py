"""The DNS services that inventories name: published by the workers, and listed with their state."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Event
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.config import settings
from app.core.database import reading, transaction
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import get_logger
from app.core.startup import cause
from app.core.threads import run_to_the_end
from app.domain.errors import InventoryError, UnknownBackend
from app.store import backends, zones

log = get_logger(__name__)

Honours = Mapping[str, frozenset[str] | None]  # by backend: which conditions its playbook honours

_PUBLISH_INTERVAL = 2.0  # seconds between two looks at the inventory
_READ_INTERVAL = 2.0  # seconds between two looks at what is unavailable
_PUBLISH_AGAIN = 300.0  # seconds after which the same names are published again
_FORGET_AFTER = 86_400.0  # seconds after which a name that is in no inventory any more is forgotten
KNOWN_FOR = 3 * _PUBLISH_AGAIN  # seconds for which a name counts as one of an inventory
_MAX_RESTING_ZONES = 1_000


class State(StrEnum):
    """How a backend is: the state of its circuit breaker."""

    WELL = "well"  # closed: no fault has been found since it last worked
    RESTING = "resting"  # open: it was unavailable, and is left alone until its next try
    PROBING = "probing"  # half-open: it was unavailable, and is tried with one request next
    UNKNOWN = "unknown"  # zones name it, but no worker's inventory has it


@dataclass(frozen=True, slots=True)
class RestingZone:
    """A zone with a fault of its own: the backend's other zones go on."""

    zone: str
    since: datetime
    code: str
    why: str
    next_try: datetime | None  # None: it is tried now


@dataclass(frozen=True, slots=True)
class BackendState:
    """A backend, what is wrong with it if anything is, and what waits for it."""

    name: str
    state: State
    seen_at: datetime | None  # when a worker last found it in its inventory
    since: datetime | None
    code: str | None
    why: str | None
    next_try: datetime | None
    zones: int
    open_requests: int  # at most `store.backends.MAX_OPEN` are counted
    honours: Sequence[str] | None  # conditions of changes, as its worker has published; None: not known
    resting_zones: Sequence[RestingZone]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a zone's requests waiting, in what a requester may see of it."""

    code: str
    since: datetime


def obstacle_of(session: Session, zone: str) -> Obstacle | None:
    """Return what the zone's requests wait for; None when nothing but their turn."""
    row = backends.fault_of(session, zone)
    return Obstacle(row.code, row.since) if row else None


def list_backends(session: Session) -> list[BackendState]:
    """Return every backend that an inventory has or a zone names, by name."""
    resting: dict[str, list[RestingZone]] = {}
    for row in backends.list_resting_zones(session, _MAX_RESTING_ZONES):
        zone = RestingZone(row.zone, row.failing_since, row.fault_code, row.fault, row.next_try)
        resting.setdefault(row.backend, []).append(zone)
    return [
        BackendState(
            name=row.name,
            state=_state(row),
            seen_at=row.seen_at,
            since=row.failing_since,
            code=row.fault_code,
            why=row.fault,
            next_try=row.next_try,
            zones=row.zones,
            open_requests=row.open_requests,
            honours=row.honours,
            resting_zones=resting.get(row.name, []),
        )
        for row in backends.list_states(session, KNOWN_FOR)
    ]


class Unavailable:
    """The backends that are unavailable, read now and then: a probe of this process waits for nothing."""

    def __init__(self) -> None:
        self.codes: Mapping[str, str] = {}  # by backend

    async def run(self) -> None:
        """Read again and again, until it is cancelled."""
        while True:
            try:
                self.codes = await run_to_the_end(_read_faults)
            except DATABASE_ERRORS as error:
                log.debug("backends not read: the database failed; the last list stays", error=cause(error))
            await asyncio.sleep(_READ_INTERVAL)


def _read_faults() -> Mapping[str, str]:
    with reading() as session:
        return backends.list_faults(session)


def note_executor(session: Session) -> None:
    """Tell workers without an inventory whether this API has real servers behind it."""
    backends.note_api(session, simulated=settings().simulated)


def end_simulation() -> None:
    """Remove what the simulation has left behind: there are real servers now. One line of the log says what.

    Open requests in its zones are cancelled, and can be retried once the zone is registered.
    """
    with transaction() as session:
        removed = zones.remove_simulated(session)
    if any(removed):
        log.warning("what was only simulated is removed: there are real servers now", **removed._asdict())


def publish_until(stop: Event, list_honours: Callable[[], Honours]) -> None:
    """Publish the backends whenever they change, and now and then, until `stop` is set.

    `list_honours` reads the inventory: which conditions the playbook of each backend honours. It raises
    InventoryError.
    """
    published: Honours | None = None
    said = ""
    age = 0.0
    while True:
        try:
            honours = list_honours()
            if honours != published or age >= _PUBLISH_AGAIN:
                _publish(honours)
                published, age = honours, 0.0
        except InventoryError as error:
            published = None  # what rests for it is tried again once it can be read
            log.debug("backends not published: the inventory can't be read", error=str(error))
        except SQLAlchemyError as error:
            if (reason := cause(error)) != said:  # said once
                log.warning("backends not published: the database failed; tried again soon", error=reason)
            said = reason
        if stop.wait(_PUBLISH_INTERVAL):
            return
        age += _PUBLISH_INTERVAL


def _publish(honours: Honours) -> None:
    with transaction() as session:
        backends.publish(session, honours)
        backends.forget_unseen(session, _FORGET_AFTER)
    if honours:
        end_simulation()


def _state(row: Row[Any]) -> State:
    if row.is_gone or row.fault_code == UnknownBackend.code:
        return State.UNKNOWN
    if row.next_try is not None:
        return State.RESTING
    if row.failing_since is not None:
        return State.PROBING
    return State.WELL if row.seen_at is not None else State.UNKNOWN
