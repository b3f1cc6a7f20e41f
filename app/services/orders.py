"""Orders: the API puts them into a list in Redis, a worker takes one, and its answer comes back over Redis.

Only a worker has the inventory and the keys. Nothing is stored: orders and answers expire. Until when
somebody waits is said by the database's clock: those of the hosts differ.
"""

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from app.core.database import statements
from app.core.database_errors import DATABASE_ERRORS
from app.core.redis import async_redis, redis
from app.domain.errors import Overloaded
from app.store import upkeep

_ANSWER_EXPIRY = 60  # seconds that an answer waits for the API
_WAIT = 1  # seconds: less than the Redis client waits for an answer


def push(waiting: str, orders: Sequence[Mapping[str, Any]], seconds: float, most: int) -> None:
    """Put orders, for whose answers somebody waits for so long, into the list `waiting`.

    Raises Overloaded where it would hold more than `most`, and what Redis raises.
    """
    written = list(map(json.dumps, orders))
    with redis().pipeline() as commands:
        commands.rpush(waiting, *written)
        commands.expire(waiting, math.ceil(seconds) + 1)
        length, _ = commands.execute()
        if length > most:  # looked at before, the list could be filled by several at once
            for order in written:
                commands.lrem(waiting, 1, order)
            commands.execute()
            raise Overloaded


def pop(waiting: str) -> bytes | None:
    """Take the next order; None when there is none within a second."""
    found = redis().blpop([waiting], timeout=_WAIT)
    return found[1] if found else None  # type: ignore[index]


def reply(reply_to: str, content: object) -> None:
    """Put an answer, as JSON, where the API waits for it."""
    with redis().pipeline() as commands:
        commands.rpush(reply_to, json.dumps(content))
        commands.expire(reply_to, _ANSWER_EXPIRY)
        commands.execute()


async def collect(keys: Sequence[str]) -> list[bytes]:
    """Return the answers to all of these, as they come in; the caller limits the time."""
    waiting = list(keys)
    answers: list[bytes] = []
    async with async_redis() as client:
        while waiting:
            key, content = await client.blpop(waiting)  # type: ignore[misc]
            waiting.remove(key.decode())
            answers.append(content)
    return answers


def withdraw(waiting: str, order: Mapping[str, Any]) -> bool:
    """Take an order back; return whether nobody had taken it yet."""
    return bool(redis().lrem(waiting, 1, json.dumps(order)))


def time_in(seconds: float) -> float:
    """Return the time in so many seconds, in seconds since 1970."""
    return _now() + seconds


def seconds_until(at: float) -> float:
    """Return how many seconds are left until that time."""
    return at - _now()


def _now() -> float:
    try:
        with statements() as session:
            return upkeep.read_clock(session)
    except DATABASE_ERRORS:  # which is seen to by whoever needs more of it
        return time.time()
