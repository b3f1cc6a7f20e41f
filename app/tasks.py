"""The worker process: Celery tasks, and the timer that sweeps."""

import json
import os
from threading import Event, Thread
from typing import Any

from celery.apps import worker as celery_worker
from celery.signals import (
    celeryd_init,
    setup_logging,
    worker_init,
    worker_process_init,
    worker_ready,
    worker_shutting_down,
)
from sqlalchemy.exc import SQLAlchemyError

from app.core import logging
from app.core.celery_app import DRAIN, FORECAST, celery_app
from app.core.config import settings
from app.core.database import forget_connections
from app.runner import make_runner, warm_up
from app.runner.ansible.inventory import InventoryError, read_ahead
from app.services import kicks
from app.services.drain.drain import drain
from app.services.plan import from_servers

logging.configure("worker")  # here, so that what Celery says first has our shape too
log = logging.get_logger(__name__)

_stopping = Event()


@celery_app.task(name=DRAIN)  # type: ignore[untyped-decorator]
def drain_zone(zone: str) -> None:
    """Work off one zone."""
    drain(zone, make_runner(settings()))


@celery_app.task(name=FORECAST)  # type: ignore[untyped-decorator]
def ask_servers(zone: str, changes: list[dict[str, Any]], reply_to: str) -> None:
    """Find out what would become of changes; nothing is changed."""
    from_servers.answer(zone, changes, reply_to, make_runner(settings()))


@setup_logging.connect  # type: ignore[untyped-decorator]
def _keep_our_logging(**_: Any) -> None:
    """Celery leaves logging alone when somebody listens to this signal."""


@celeryd_init.connect  # type: ignore[untyped-decorator]
def _speak_json(instance: Any, **_: Any) -> None:
    if not logging.for_people():
        instance.quiet = True  # no banner
        celery_worker.safe_say = _say


def _say(message: str, *_: object) -> None:
    """What Celery says from within signal handlers, where logging could wait for a lock for ever."""
    line = {"level": "info", "process": "worker", "message": message.strip()}
    os.write(1, json.dumps(line).encode() + b"\n")


@worker_init.connect  # type: ignore[untyped-decorator]
def _prepare(**_: Any) -> None:
    """Before the pool forks: its processes share what was read, and no thread runs when they are made."""
    server = Thread(target=warm_up, args=[settings()], name="warm-up")
    server.start()
    try:
        if settings().executor == "ansible":
            read_ahead(settings().inventory)
    except InventoryError as error:
        log.warning("the inventory can't be used", error=str(error))
    server.join()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _forked(**_: Any) -> None:
    forget_connections()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _start_sweeping(**_: Any) -> None:
    Thread(target=_sweep, name="sweep", daemon=True).start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop_sweeping(**_: Any) -> None:
    _stopping.set()


def _sweep() -> None:
    while not _stopping.wait(settings().sweep_interval):
        try:
            kicks.sweep()
        except SQLAlchemyError as error:
            log.warning("sweep failed", error=str(error))
        except Exception:  # without this thread a lost kick is lost for good
            log.exception("sweep failed")
