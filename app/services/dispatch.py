"""Wake the workers: a kick says that a zone has work. A kick that is lost is made up for by the sweep."""

import random
from collections.abc import Iterable
from functools import lru_cache

from kombu.exceptions import OperationalError
from redis import Redis, RedisError

from app.core.celery_app import DRAIN, QUEUE, celery_app
from app.core.config import settings
from app.core.database import transaction
from app.core.logging import get_logger
from app.store import leases, zones

log = get_logger(__name__)

_KEPT = 30  # seconds after which a kick that nobody took is taken for lost


def kick(zones: Iterable[str]) -> None:
    """Tell the workers that these zones have work; call it after the commit.

    A zone that is kicked already is not kicked again. A broker that is away is no error.
    """
    for zone in sorted(set(zones)):
        try:
            _kick(zone)
        except (RedisError, OperationalError, OSError) as error:
            log.warning("broker away, the sweep will kick", zone=zone, error=str(error))
            return


def taken(zone: str) -> None:
    """A worker begins with the zone: what is stored from now on needs a kick of its own."""
    try:
        _redis().delete(_mark(zone))
    except (RedisError, OSError) as error:
        log.warning("broker away", zone=zone, error=str(error))


def kick_if_due(zone: str) -> None:
    """Kick the zone when work for it came in after its worker last looked."""
    with transaction() as session:
        due = leases.has_work(session, zone)
    if due:
        kick([zone])


def kick_one_of(backend: str) -> None:
    """Kick one zone of a backend that has to limit its runs: whichever waits for a run to end."""
    with transaction() as session:
        its_own = {zone.name for zone in zones.all_of_them(session) if zone.backend == backend}
        waiting = [zone for zone in leases.zones_with_work(session) if zone in its_own]
    if waiting:
        kick([random.choice(waiting)])  # noqa: S311


def sweep() -> list[str]:
    """Kick every zone that has work and no worker; returns them."""
    with transaction() as session:
        waiting = leases.zones_with_work(session)
    kick(waiting)
    return waiting


def broker_answers() -> bool:
    """Whether the broker is there. Raises RedisError or OSError when it is not."""
    return bool(_redis().ping())


def _kick(zone: str) -> None:
    if not _redis().set(_mark(zone), 1, nx=True, ex=_KEPT):
        return
    try:
        celery_app.send_task(DRAIN, args=[zone], queue=QUEUE, retry=False)
    except Exception:
        _redis().delete(_mark(zone))
        raise


def _mark(zone: str) -> str:
    return f"dns:kicked:{zone}"


@lru_cache
def _redis() -> Redis:
    url = settings().celery_broker_url.get_secret_value()
    return Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
