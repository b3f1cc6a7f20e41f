"""Orders to plan changes on the servers.

They stand in a list of their own, so that no number of plans makes a kick wait (docs/decisions/0015).
"""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.core.logging import get_logger
from app.domain.change import Change
from app.services import orders

log = get_logger(__name__)

WAITING = "dns:plans"  # the Redis list of the orders that no worker has taken yet
MAX_WAITING = 1_000  # orders
REPLY_KEY = "dns:plan:{id}"  # the Redis list that a worker puts its answer into


@dataclass(frozen=True, slots=True)
class Order:
    """Changes of one zone to plan, where to put the answer, and until when somebody waits for it."""

    zone: str
    changes: Sequence[Change]
    reply_to: str
    until: float  # on the monotonic clock

    @property
    def seconds_left(self) -> float:
        """How long somebody still waits for the answer."""
        return self.until - time.monotonic()


def send(wanted: Sequence[Order]) -> None:
    """Let the workers take these orders. Raises Overloaded, and what Redis raises."""
    seconds = max(order.seconds_left for order in wanted)
    until = orders.time_in(seconds)
    orders.push(WAITING, [_as_json(order, until) for order in wanted], seconds, MAX_WAITING)


def take() -> Order | None:
    """Take the next order for which somebody still waits; None when there is none within a second.

    One that can't be read is answered with nothing.
    """
    raw = orders.pop(WAITING)
    if raw is None:
        return None
    try:
        order = _from_json(json.loads(raw))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        _refuse(raw, error)
        return None
    return order if order.seconds_left > 0 else None


def _refuse(raw: bytes, error: Exception) -> None:
    """Answer what can't be read with nothing, where it says whom to answer: nobody need wait in vain."""
    log.warning(
        "plan not made: the order of an API can't be read, which may be of another release; its client is"
        " told to try again. Bring all processes to one release",
        error=f"{type(error).__name__}: {error}",
    )
    with suppress(AttributeError, LookupError, TypeError, ValueError):
        reply_to = json.loads(raw)["reply_to"]
        if reply_to.startswith(REPLY_KEY.format(id="")):
            orders.reply(reply_to, None)


def _as_json(order: Order, until: float) -> Mapping[str, Any]:
    changes = [change.as_json() for change in order.changes]
    return {"zone": order.zone, "changes": changes, "reply_to": order.reply_to, "until": until}


def _from_json(order: Mapping[str, Any]) -> Order:
    changes = [Change.from_json(item, order["zone"]) for item in order["changes"]]
    until = time.monotonic() + orders.seconds_until(order["until"])
    return Order(order["zone"], changes, order["reply_to"], until)
