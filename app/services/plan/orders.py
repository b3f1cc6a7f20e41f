"""Orders to plan changes on the servers: the API puts them into a list in Redis, and workers take them.

They stand in a list of their own, so that no number of plans makes a kick wait (docs/decisions/0015).
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.redis import redis
from app.domain.change import Change
from app.domain.errors import Overloaded

WAITING = "dns:plans"  # the Redis list of the orders that no worker has taken yet
MAX_WAITING = 1_000  # orders
REPLY_KEY = "dns:plan:{id}"  # the Redis list that a worker puts its answer into
_WAIT = 1  # seconds: less than the Redis client waits for an answer


@dataclass(frozen=True, slots=True)
class Order:
    """Changes of one zone to plan, where to put the answer, and until when somebody waits for it."""

    zone: str
    changes: Sequence[Change]
    reply_to: str
    until: float  # seconds since 1970

    @property
    def seconds_left(self) -> float:
        """How long somebody still waits for the answer."""
        return self.until - time.time()


def send(orders: Sequence[Order]) -> None:
    """Let the workers take these orders. Raises Overloaded, and what Redis raises."""
    if redis().llen(WAITING) + len(orders) > MAX_WAITING:  # type: ignore[operator]  # it is not asynchronous
        raise Overloaded
    with redis().pipeline() as commands:
        for order in orders:
            commands.rpush(WAITING, json.dumps(_as_json(order)))
        commands.expireat(WAITING, int(max(order.until for order in orders)) + 1)
        commands.execute()


def take() -> Order | None:
    """Take the next order for which somebody still waits; None when there is none within a second."""
    found = redis().blpop([WAITING], timeout=_WAIT)
    order = None if found is None else _from_json(json.loads(found[1]))  # type: ignore[index]
    return order if order is not None and order.seconds_left > 0 else None


def _as_json(order: Order) -> Mapping[str, Any]:
    changes = [change.as_json() for change in order.changes]
    return {"zone": order.zone, "changes": changes, "reply_to": order.reply_to, "until": order.until}


def _from_json(order: Mapping[str, Any]) -> Order:
    changes = [Change.from_json(item) for item in order["changes"]]
    return Order(order["zone"], changes, order["reply_to"], order["until"])
