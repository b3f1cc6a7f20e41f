"""Kicks: Celery messages that say "this zone has work". A lost kick is made up for by the sweep."""

import asyncio
import time
from collections.abc import Iterable
from itertools import islice
from threading import Event

from psycopg.errors import UndefinedColumn, UndefinedTable
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from app.core import metrics, tracing
from app.core.backoff import pause_after
from app.core.celery_app import DRAIN, QUEUE, celery_app
from app.core.config import settings
from app.core.database import transaction
from app.core.logging import get_logger
from app.core.outage import Outage
from app.core.redis import BROKER_ERRORS, redis
from app.core.startup import cause
from app.services import database_clock, partitions, retention
from app.store import due as due_zones
from app.store import upkeep, webhooks

log = get_logger(__name__)
_outage = Outage(
    log,
    "sweep's kicks not sent: Redis is unavailable; tried again until it answers",
    "sweep's kicks are sent again: Redis answers",
)

KICKED = "dns:kicked:{zone}"  # the Redis key that marks a zone as kicked, until a worker has its lease
_MARK_EXPIRY = 30  # seconds after which a kick that no worker took counts as lost
# Seconds between two calls of Redis: a call for each group would be a tenth of the group's whole cost.
_SEND_INTERVAL = 0.02
_UPKEEP_INTERVAL = 60.0  # seconds
_MOST_NAMED = 20  # zones, in the log
_MAX_ZONES = 10_000  # that wait for their kicks
_MAX_SWEEP_SHARE = 0.1  # of the time
_LONGEST_SWEEP_PAUSE = 3.0  # seconds, for the sake of that share


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
    """Let the zone be kicked again: a worker has it, and may miss what is stored from now on.

    A worker that could not have it leaves the mark: who submits more need not kick it meanwhile.
    """
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
        due = due_zones.has_work(session, zone)
    if due:
        _kick_next([zone])


def pass_on(zone: str) -> None:
    """Send the kick on that a worker has taken which ends; the next one takes it."""
    try:
        _kick_zone(zone, despite_mark=True)
    except BROKER_ERRORS as error:
        log.warning(
            "kick not passed on: Redis is unavailable; the sweep will send it", zone=zone, error=str(error)
        )


def kick_next_of(backend: str) -> None:
    """Kick the next zones of a backend that limits its runs: as many as there are places."""
    with transaction() as session:
        waiting = due_zones.list_zones(session, backend)
    _kick_next(waiting)


def others_wait() -> bool:
    """Return whether other kicks wait for a worker."""
    try:
        return not _queue_is_empty()
    except BROKER_ERRORS:
        return False


def sweep() -> list[str]:
    """Kick the zones that are due and that no kick has woken; return those that were kicked.

    A mark alone does not stop it: the message may be lost. What is due for the first time may still have a
    kick among those that wait. What is due again has none, or a worker would have it, unless all are busy.
    Raises one of BROKER_ERRORS.
    """
    with transaction() as session:
        due = due_zones.list_zones(session)
        turns = due_zones.note_kicks(session, due, settings().sweep_interval)
    waiting = [zone for zone in due if zone in turns]
    kicked: list[str] = []
    try:
        idle = bool(waiting) and _queue_is_empty()
        kicked.extend(zone for zone in waiting if _kick_zone(zone, despite_mark=idle or turns[zone] > 1))
    except BROKER_ERRORS:
        with transaction() as session:
            due_zones.forget_kicks(session, set(waiting) - set(kicked))
        raise
    finally:
        metrics.SWEEP_KICKS.inc(len(kicked))
    return kicked


def tend() -> None:
    """Put right what a sweep goes by (store/upkeep.py)."""
    with transaction() as session:
        upkeep.mend_floors(session)
        if left := upkeep.widen_claims(session):
            log.error(
                "requests were running that no worker knew of; the next drain of their zones settles them",
                zones=left[:_MOST_NAMED],
            )
        _shorten_waits(session)
        upkeep.drop_expired_plans(session)
        upkeep.drop_leases_of_old(session)
    partitions.tend()
    retention.retire_in_background()


def look_at_clock() -> None:
    """Let nothing wait for a time that is far away since somebody has set the database's clock."""
    with transaction() as session:
        reading = database_clock.read(session)
    if step := database_clock.note(reading):
        log.warning("the database's clock was set; what waits for it is looked at anew", seconds=round(step))
        with transaction() as session:
            _shorten_waits(session)
            webhooks.try_all(session)


def _shorten_waits(session: Session) -> None:
    longest_rest = 1.25 * settings().retry_pause_max
    upkeep.shorten_waits(session, settings().lease, longest_rest, settings().verify_deadline)


def sweep_until(stop: Event) -> None:
    """Sweep at once, and every `SWEEP_INTERVAL` seconds until `stop` is set, whatever happens."""
    said, pause, next_upkeep = "", 0.0, 0.0
    while not stop.wait(pause):
        began, pause = time.monotonic(), settings().sweep_interval
        try:
            look_at_clock()
            if sweep():
                _outage.end()
            took = time.monotonic() - began
            pause = pause_after(took, _MAX_SWEEP_SHARE, least=pause, longest=_LONGEST_SWEEP_PAUSE)
            if began >= next_upkeep:
                next_upkeep = began + _UPKEEP_INTERVAL
                tend()
            said = ""
        except SQLAlchemyError as error:
            if (reason := cause(error)) != said:  # said once, not each second
                log.warning(f"sweeps fail: {_advice(error)}; tried again until it works", error=reason)
            said = reason
        except BROKER_ERRORS as error:
            _outage.note(error)
        except Exception:  # if this ended, lost kicks would not be made up for
            log.exception("sweep failed; another follows soon")


def _advice(error: SQLAlchemyError) -> str:
    if isinstance(error, DBAPIError) and isinstance(error.orig, UndefinedTable | UndefinedColumn):
        return "the tables are not there yet, or not up to date; start the api, which makes them"
    return "no database"


class KickSender:
    """Sends kicks in the background, one call at a time; zones added meanwhile go into the next call."""

    def __init__(self) -> None:
        self._zones: set[str] = set()
        self._sender: asyncio.Task[None] | None = None
        self._traces: list[str | None] = []  # of those who have asked for the next call

    def add(self, names: Iterable[str]) -> None:
        """Kick these zones soon; call it after the commit. What is too much is left to the sweep."""
        self._zones.update(names)
        if tracing.is_on() and len(self._traces) < tracing.MAX_LINKS:
            self._traces.append(tracing.traceparent())
        if len(self._zones) > _MAX_ZONES:
            self._zones = set(islice(self._zones, _MAX_ZONES))
        if self._zones and (self._sender is None or self._sender.done()):
            self._sender = asyncio.create_task(self._send())

    async def wait_until_sent(self) -> None:
        """Return when no kick is left to send."""
        if self._sender is not None:
            await asyncio.wait([self._sender])

    async def _send(self) -> None:
        while self._zones:
            names, self._zones = self._zones, set()
            traces, self._traces = self._traces, []
            with tracing.shared_span("kick", traces, {"zones": len(names)}):
                await asyncio.to_thread(kick_zones, names)
            await asyncio.sleep(_SEND_INTERVAL)


def _kick_next(names: Iterable[str]) -> None:
    """Kick zones that are due now: where no kick waits, their marks stand for kicks that came too early."""
    try:
        for zone in names:
            if not _kick_zone(zone) and _queue_is_empty():
                _kick_zone(zone, despite_mark=True)
    except BROKER_ERRORS as error:
        log.warning("kick not sent: Redis is unavailable; the sweep will send it", error=str(error))


def _kick_zone(zone: str, *, despite_mark: bool = False) -> bool:
    """Mark the zone and send a kick; return whether it was sent. A marked zone is not kicked again."""
    mark = KICKED.format(zone=zone)
    if not redis().set(mark, 1, nx=not despite_mark, ex=_MARK_EXPIRY):
        return False
    try:
        celery_app.send_task(DRAIN, args=[zone], queue=QUEUE, retry=False)
    except Exception:
        redis().delete(mark)
        raise
    return True


def _queue_is_empty() -> bool:
    return redis().llen(QUEUE) == 0
