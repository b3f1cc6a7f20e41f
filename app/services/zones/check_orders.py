"""Have a worker check a zone, as only workers have the inventory and the keys; remember what it found."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from threading import Event
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.config import settings
from app.core.database import transaction
from app.core.logging import bound, get_logger
from app.core.outage import Outage
from app.core.redis import BROKER_ERRORS
from app.domain.errors import InventoryError, Overloaded, UnknownBackend
from app.domain.retry_policy import TAKE_ORDERS
from app.services import orders
from app.services.backends import KNOWN_FOR
from app.services.zones.check import ZoneFinding, look, questions_about
from app.services.zones.registry import ServedZone
from app.store import backends, zone_checks

log = get_logger(__name__)
_outage = Outage(
    log,
    "no zones are checked: Redis is unavailable; it is asked again until it answers",
    "zones are checked again: Redis answers",
)

WAITING = "dns:checks"  # the Redis list of the orders that no worker has taken yet
_REPLY_KEY = "dns:check:{id}"
_MAX_WAITING = 100  # orders
CHECKS_AT_ONCE = 4  # of one worker: a server that is silent takes its time limit, and is no reason to wait
TO_BE_TAKEN = 2.0  # seconds: none is there, or none is free
TO_BE_ANSWERED = 15.0  # seconds: a server that is away takes one time limit, and they are asked together


class State(StrEnum):
    """How a check ended."""

    WELL = "well"
    FAULTY = "faulty"  # something is missing: the findings say what
    UNKNOWN = "unknown"  # nobody was asked


@dataclass(frozen=True, slots=True)
class Check:
    """What the servers of a zone said when they were asked for what it needs."""

    state: State
    why: str | None = None  # nobody was asked
    findings: Sequence[ZoneFinding] = ()
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


_CHECK = TypeAdapter(Check)
_FINDINGS = TypeAdapter(tuple[ZoneFinding, ...] | str)


async def check(zone: ServedZone) -> Check:
    """Return what a worker found out about the zone, and remember it as the zone's last check."""
    found = await _ask_worker(zone)
    if found.state is not State.UNKNOWN:
        await asyncio.to_thread(_remember, zone.name, found)
    return found


def last_check(session: Session, zone: str) -> Check | None:
    """Return the zone's last check; None where there was none, or one of another release."""
    stored = zone_checks.get(session, zone)
    try:
        return _CHECK.validate_python(stored) if stored else None
    except ValidationError:
        return None


def answer_checks_until(stop: Event) -> None:
    """Take orders to check zones and answer them, one after the other, until `stop` is set."""
    while not stop.is_set():
        try:
            raw = orders.pop(WAITING)
            _outage.end()
            if raw is not None:
                _answer(json.loads(raw))
        except BROKER_ERRORS as error:
            _outage.note(error)
            stop.wait(TAKE_ORDERS.pauses.first)
        except Exception:  # if this ended, nobody would check any more
            log.exception(
                "an order to check a zone can't be read or answered: bring all processes to one release"
            )


def _answer(order: Mapping[str, Any]) -> None:
    if orders.seconds_until(order["until"]) <= 0:
        return
    with bound(zone=order["zone"]):
        try:
            findings = _look_at(order["zone"], order["backend"])
        except Exception:  # or the client would wait for nothing
            log.exception("a zone was not checked; the client is told that nobody was asked")
            findings = "an error of the worker, whose log says more"
    content = findings if isinstance(findings, str) else [asdict(each) for each in findings]
    orders.reply(order["reply_to"], content)


def _look_at(zone: str, backend: str) -> list[ZoneFinding] | str:
    """Return what was found, or why nobody was asked."""
    if settings().simulated:
        return "simulated: the worker that took the order asks no DNS server"
    try:
        questions = questions_about(settings().inventory, backend, [zone])
    except UnknownBackend:
        return f"the inventory of the worker that took the order has no backend {backend}"
    except InventoryError as error:
        log.warning("zone not checked: the inventory can't be used", error=str(error))
        return "the worker's inventory can't be used; its log says why"
    findings = list(look(questions))
    for each in findings:
        if each.code is not None:
            log.warning("a server lacks what the zone needs", **asdict(each))
    return findings


async def _ask_worker(zone: ServedZone) -> Check:
    if not await asyncio.to_thread(_has_worker, zone.backend):
        return _nobody_asked("no worker's inventory is known to have the backend")
    wait = TO_BE_TAKEN + TO_BE_ANSWERED
    until = await asyncio.to_thread(orders.time_in, wait)
    reply_to = _REPLY_KEY.format(id=uuid7())
    order = {"zone": zone.name, "backend": zone.backend, "reply_to": reply_to, "until": until}
    try:
        await asyncio.to_thread(orders.push, WAITING, [order], wait, _MAX_WAITING)
        return _read(await _answer_to(order))
    except TimeoutError:
        return _nobody_asked(f"no worker has answered within {TO_BE_ANSWERED:g} s")
    except Overloaded:
        return _nobody_asked(f"{_MAX_WAITING} checks wait for a worker already")
    except BROKER_ERRORS as error:
        log.warning("zone not checked: Redis is unavailable", zone=zone.name, error=str(error))
        return _nobody_asked("the workers can't be reached now")


async def _answer_to(order: Mapping[str, Any]) -> bytes | None:
    """Return the answer; None when no worker takes the order. Raises TimeoutError."""
    answers = asyncio.ensure_future(orders.collect([order["reply_to"]]))
    try:
        done, _ = await asyncio.wait([answers], timeout=TO_BE_TAKEN)
        if not done and await asyncio.to_thread(orders.withdraw, WAITING, order):
            return None
        return (await asyncio.wait_for(answers, TO_BE_ANSWERED))[0]
    finally:
        answers.cancel()


def _has_worker(backend: str) -> bool:
    with transaction() as session:
        return not settings().simulated and backend in backends.list_names(session, KNOWN_FOR)


def _read(raw: bytes | None) -> Check:
    if raw is None:
        return _nobody_asked(f"no worker has taken the order within {TO_BE_TAKEN:g} s")
    try:
        found = _FINDINGS.validate_json(raw)
    except ValidationError:
        return _nobody_asked("the worker is of another release: bring all processes to one")
    if isinstance(found, str):
        return _nobody_asked(found)
    is_well = all(each.code is None for each in found)
    return Check(State.WELL if is_well else State.FAULTY, findings=found)


def _nobody_asked(why: str) -> Check:
    return Check(State.UNKNOWN, why)


def _remember(zone: str, found: Check) -> None:
    with transaction() as session:
        zone_checks.put(session, zone, _CHECK.dump_python(found, mode="json"))
