"""Whether the parts that the service needs are there."""

from collections.abc import Callable

from sqlalchemy import text

from app.core.database import transaction
from app.core.logging import get_logger
from app.core.redis import redis

log = get_logger(__name__)

OK = "ok"


def dependencies() -> dict[str, str]:
    """Each dependency by name: "ok", or what is wrong in a word; the details are in the log."""
    return {"postgresql": _probe("postgresql", _database), "redis": _probe("redis", redis().ping)}


def _database() -> object:
    with transaction() as session:
        return session.execute(text("SELECT 1")).one()


def _probe(name: str, ask: Callable[[], object]) -> str:
    try:
        ask()
    except Exception as error:
        log.warning("dependency away", dependency=name, error=str(error))
        return "unavailable"
    return OK
