"""The worker process: Celery tasks, the timers that sweep and queue what is due, the threads that plan."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from threading import Event, Thread
from time import monotonic
from typing import Any

from celery.apps import worker as celery_worker
from celery.signals import (
    celeryd_init,
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)
from celery.worker.control import inspect_command

from app.core import kick_channel, metrics, tracing
from app.core.celery_app import DRAIN, celery_app
from app.core.config import settings
from app.core.database import forget_connections
from app.core.garbage import look_for_garbage_rarely
from app.core.logging import (
    configure_logging,
    for_people,
    get_logger,
    log_stderr_as_json,
    warn_if_simulated,
)
from app.core.metrics_folder import make_own_folder, remove_folder
from app.core.metrics_listener import listen
from app.core.startup import wait_for_schema
from app.core.stopping import stopping
from app.domain.errors import InventoryError
from app.runner import make_runner, warm_up
from app.runner.process.fork_pool import own_fork_servers
from app.services import kicks, presence
from app.services.backends import publish_until
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.events.discard import KafkaDiscarder
from app.services.events.publish import WebhookPublisher, Work
from app.services.events.publish import publish_until as publish_events_until
from app.services.plan.answer import RUNS_AT_ONCE, answer_orders_until
from app.services.requests.schedule import Schedule
from app.services.webhooks.deliver import deliver_until
from app.services.zones.check_orders import CHECKS_AT_ONCE, answer_checks_until
from app.services.zones.imports import import_until
from app.services.zones.watch import watch_until

configure_logging("worker")  # at import, so that Celery's first lines have our format, too
log = get_logger(__name__)

_stopping = Event()
_awaited: list[Thread] = []  # those that end in good order


@celery_app.task(name=DRAIN)  # type: ignore[untyped-decorator]
def drain_zone(zone: str) -> None:
    """Work off one zone."""
    drain(zone, make_runner(), make_backends())


@inspect_command()  # type: ignore[untyped-decorator]
def executor(_: Any) -> str:
    """Tell who asks over Redis, `doctor` say, whether this worker only simulates."""
    return "simulated" if settings().simulated else "ansible"


@setup_logging.connect  # type: ignore[untyped-decorator]
def _keep_our_logging(**_: Any) -> None:
    """Keep Celery from setting logging up: it does not when this signal has a receiver."""


@celeryd_init.connect  # type: ignore[untyped-decorator]
def _start_and_end_as_ours(instance: Any, **_: Any) -> None:
    instance.quiet = True  # no banner
    kick_channel.install()
    # Celery's own exit status is 1 after Ctrl-C, though all that ran has ended in good order.
    celery_worker.install_worker_int_handler = partial(
        celery_worker.install_worker_int_handler, exitcode=os.EX_OK
    )
    if not for_people():
        log_stderr_as_json("worker")
        celery_worker.safe_say = _write_line


def _write_line(message: str, *_: object) -> None:
    """Write what Celery says from within signal handlers, where logging could wait for a lock for ever."""
    at = datetime.now(UTC).isoformat()
    line = {"logger": "celery", "level": "info", "at": at, "process": "worker", "message": message.strip()}
    os.write(1, json.dumps(line).encode() + b"\n")


@worker_init.connect  # type: ignore[untyped-decorator]
def _leave_workers_alone(sender: Any, **_: Any) -> None:
    """Keep workers from talking to each other: whatever they would hear there, anybody could have said."""
    sender.options |= {"without_mingle": True, "without_gossip": True, "without_heartbeat": True}


@worker_init.connect  # type: ignore[untyped-decorator]
def _prepare(**_: Any) -> None:
    """Load what the pool's processes share, before they are forked and while no thread of ours runs."""
    own_fork_servers()
    warn_if_simulated()
    stopping.prepare()
    if not settings().simulated and not settings().playbook.is_file():
        log.warning("playbook not found; requests wait until it is there", playbook=str(settings().playbook))
    server = Thread(target=warm_up, name="warm-up")
    server.start()
    backends = make_backends()
    try:
        backends.prepare()
        for backend, why in backends.faults().items():
            log.warning(
                "backend not usable; its requests wait until the inventory is mended",
                backend=backend,
                reason=why,
            )
    except InventoryError as error:
        log.warning(
            "inventory not usable; requests wait until it is mended, which the worker notices by itself",
            error=str(error),
        )
    server.join()
    look_for_garbage_rarely()
    if settings().metrics_listen:
        _count_together()


def _count_together() -> None:
    """Let the pool's processes count together with this one; the last thing that ends removes the folder."""
    try:
        folder = make_own_folder()
    except OSError as error:
        log.error("metrics are not counted: there is no folder for them below TMPDIR", reason=str(error))
        return
    worker_shutdown.connect(lambda **_: remove_folder(folder), weak=False)
    metrics.start(folder)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _forget_connections(**_: Any) -> None:
    forget_connections()
    stopping.listen()
    tracing.start("worker")  # anew in each process: its threads are not forked


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _send_traces(**_: Any) -> None:
    tracing.stop()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _start_threads(**_: Any) -> None:
    listen()
    stopping.listen()
    Thread(target=_begin_work, name="begin", daemon=True).start()


def _begin_work() -> None:
    """Start the timers and threads, once there are tables to work on."""
    wait_for_schema(_stopping)
    if _stopping.is_set():
        return
    Thread(target=presence.note_until, args=[_stopping], name="presence", daemon=True).start()
    Thread(target=kicks.sweep_until, args=[_stopping], name="sweep", daemon=True).start()
    Thread(target=Schedule().run_until, args=[_stopping], name="schedule", daemon=True).start()
    Thread(target=import_until, args=[_stopping], name="import", daemon=True).start()
    publish = (_stopping, make_backends().honours)
    Thread(target=publish_until, args=publish, name="publish backends", daemon=True).start()
    _start_awaited(watch_until)
    for publisher in (WebhookPublisher(), _make_kafka_publisher()):
        _start_awaited(publish_events_until, publisher)
    _start_awaited(deliver_until)
    # Plans are not made in the pool, where one would keep a zone from being drained.
    for answer in [answer_checks_until] * CHECKS_AT_ONCE + [answer_orders_until] * RUNS_AT_ONCE:
        _start_awaited(answer)


def _start_awaited(work: Callable[..., None], *arguments: object) -> None:
    thread = Thread(target=work, args=[_stopping, *arguments], name=work.__name__, daemon=True)
    thread.start()
    _awaited.append(thread)


def _make_kafka_publisher() -> Work:
    if not (topic := settings().kafka_results_topic):
        return KafkaDiscarder()
    from app.services.events.to_kafka import KafkaPublisher  # librdkafka is loaded where it is used

    return KafkaPublisher(topic)


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _begin_to_stop(**_: Any) -> None:
    _stopping.set()
    stopping.begin()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _wait_for_threads(**_: Any) -> None:
    """Let those plans and checks end that callers wait for; let others watch and publish from now on."""
    until = monotonic() + settings().stop_timeout
    for thread in _awaited:
        thread.join(max(0.0, until - monotonic()))
