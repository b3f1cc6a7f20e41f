"""Whether the parts that the service needs answer."""

from collections.abc import Callable

from app.core import database
from app.core.logging import get_logger
from app.core.redis import redis

log = get_logger(__name__)

OK = "ok"
UNAVAILABLE = "unavailable"


def check_dependencies() -> dict[str, str]:
    """Return the state of each dependency by name: "ok" or "unavailable". The log has the details."""
    return {
        "postgresql": _check("postgresql", database.ping),
        "redis": _check("redis", lambda: redis().ping()),
    }


def _check(name: str, ask: Callable[[], object]) -> str:
    try:
        ask()
    except Exception as error:
        log.warning("a dependency does not answer; /readyz says so", dependency=name, error=str(error))
        return UNAVAILABLE
    return OK
