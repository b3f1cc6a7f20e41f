"""Kicks: Celery messages that say "this zone has work". A lost kick is made up for by the sweep."""

import asyncio
import random
from collections.abc import Iterable
from threading import Event

from psycopg.errors import UndefinedTable
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.core.celery_app import DRAIN, QUEUE, celery_app
from app.core.config import settings
from app.core.database import transaction
from app.core.logging import get_logger
from app.core.redis import BROKER_ERRORS, redis
from app.core.startup import cause
from app.store import leases, zones

log = get_logger(__name__)

KICKED = "dns:kicked:{zone}"  # the Redis key that marks a zone as kicked, until a worker begins with it
_MARK_EXPIRY = 30  # seconds after which a kick that no worker took counts as lost
# Seconds between two calls of Redis: a call for each group would be a tenth of the group's whole cost.
_SEND_INTERVAL = 0.02


def kick_zones(names: Iterable[str]) -> None:
    """Tell the workers that these zones have work; call it after the commit.

    A zone that is marked as kicked already is not kicked again. A broker that is unavailable is no error.
    """
    for zone in sorted(set(names)):
        try:
            _kick_zone(zone)
        except BROKER_ERRORS as error:
            log.warning(
                "kick not sent: Redis is unavailable; the sweep will send it", zone=zone, error=str(error)
            )
            return


def clear_mark(zone: str) -> None:
    """Let the zone be kicked again: a worker begins with it and may miss what is stored from now on."""
    try:
        redis().delete(KICKED.format(zone=zone))
    except BROKER_ERRORS as error:
        log.warning(
            "mark of the kick not removed: Redis is unavailable; the mark expires by itself",
            zone=zone,
            error=str(error),
            seconds=_MARK_EXPIRY,
        )


def kick_if_due(zone: str) -> None:
    """Kick the zone when work for it came in after its worker last looked."""
    with transaction() as session:
        due = leases.has_work(session, zone)
    if due:
        kick_zones([zone])


def kick_one_zone_of(backend: str) -> None:
    """Kick one zone of a backend that limits its runs: one of those that wait for a run to end."""
    with transaction() as session:
        served = {zone.name for zone in zones.list_all(session) if zone.backend == backend}
        waiting = [zone for zone in leases.zones_with_work(session) if zone in served]
    if waiting:
        kick_zones([random.choice(waiting)])  # noqa: S311


def sweep() -> list[str]:
    """Kick every zone that has work and no worker; return these zones."""
    with transaction() as session:
        waiting = leases.zones_with_work(session)
    kick_zones(waiting)
    return waiting


def sweep_until(stop: Event) -> None:
    """Sweep every `SWEEP_INTERVAL` seconds until `stop` is set, whatever happens."""
    said = ""
    while not stop.wait(settings().sweep_interval):
        try:
            sweep()
            said = ""
        except SQLAlchemyError as error:
            if (reason := cause(error)) != said:  # said once, not each second
                log.warning(f"sweeps fail: {_advice(error)}; tried again until it works", error=reason)
            said = reason
        except Exception:  # if this ended, lost kicks would not be made up for
            log.exception("sweep failed; another follows soon")


def _advice(error: SQLAlchemyError) -> str:
    missing = isinstance(error, DBAPIError) and isinstance(error.orig, UndefinedTable)
    return "the tables are not there yet; start the api, which makes them" if missing else "no database"


class KickSender:
    """Sends kicks in the background, one call at a time; zones added meanwhile go into the next call."""

    def __init__(self) -> None:
        self._zones: set[str] = set()
        self._sender: asyncio.Task[None] | None = None

    def add(self, names: Iterable[str]) -> None:
        """Kick these zones soon; call it after the commit."""
        self._zones.update(names)
        if self._zones and (self._sender is None or self._sender.done()):
            self._sender = asyncio.create_task(self._send())

    async def wait_until_sent(self) -> None:
        """Return when no kick is left to send."""
        if self._sender is not None:
            await asyncio.wait([self._sender])

    async def _send(self) -> None:
        while self._zones:
            names, self._zones = self._zones, set()
            await asyncio.to_thread(kick_zones, names)
            await asyncio.sleep(_SEND_INTERVAL)


def _kick_zone(zone: str) -> None:
    mark = KICKED.format(zone=zone)
    if not redis().set(mark, 1, nx=True, ex=_MARK_EXPIRY):
        return
    try:
        celery_app.send_task(DRAIN, args=[zone], queue=QUEUE, retry=False)
    except Exception:
        redis().delete(mark)
        raise
