"""The process's Redis client, with one set of time limits for everything that is asked of it."""

from functools import lru_cache

from kombu.exceptions import OperationalError
from redis import Redis, RedisError
from redis.asyncio import Redis as AsyncRedis

from app.core.config import settings

CONNECT_TIMEOUT = 2.0  # seconds
ANSWER_TIMEOUT = 2.0  # seconds

# What a call of Redis, directly or through Celery, raises while the broker is unavailable.
BROKER_ERRORS: tuple[type[Exception], ...] = (RedisError, OperationalError, OSError)


@lru_cache
def redis() -> Redis:
    """Return the process's client; threads may share it. It connects when it is first used."""
    client: Redis = Redis.from_url(
        _url(), socket_connect_timeout=CONNECT_TIMEOUT, socket_timeout=ANSWER_TIMEOUT
    )
    return client


def async_redis() -> AsyncRedis:
    """Return a client for one event loop, to be closed there.

    It waits for an answer without a time limit, since a blocking call may take any time: bound the call
    where it is made.
    """
    client: AsyncRedis = AsyncRedis.from_url(_url(), socket_connect_timeout=CONNECT_TIMEOUT)
    return client


def _url() -> str:
    return settings().celery_broker_url.get_secret_value()
