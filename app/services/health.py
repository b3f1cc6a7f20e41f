"""Whether the parts that the service needs answer."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from app.core import database
from app.core.database import PROBE_TIMEOUT
from app.core.logging import get_logger
from app.core.outage import Outage
from app.core.redis import redis

log = get_logger(__name__)

OK = "ok"
UNAVAILABLE = "unavailable"

Ask = Callable[[], object]

_ADVICE = {
    "postgresql": (
        "PostgreSQL does not answer: nothing is accepted until it does. See to it, or to DATABASE_URL;"
        " the log of the api has its words"
    ),
    "redis": (
        "Redis does not answer: requests are accepted, and wait until it does. See to it, or to"
        " CELERY_BROKER_URL; the log of the api has its words"
    ),
}
_MAX_NAMED = 10  # backends


def _dependencies() -> Mapping[str, Ask]:
    return {"postgresql": database.ping, "redis": lambda: redis().ping()}


def list_problems(
    dependencies: Mapping[str, str],
    unavailable: Mapping[str, str],
    limit: int,
    no_worker: str | None = None,
) -> list[str]:
    """Return what is wrong, and what to do about each, in words; nothing where all is well.

    `unavailable` are backends with the codes of their faults. `limit` is that of open requests where as many
    are open, and 0 where more may be. `no_worker` says that none is there, where that is so.
    """
    found = [_ADVICE[name] for name, state in dependencies.items() if state != OK]
    if no_worker:
        found.append(no_worker)
    if limit:
        found.append(
            f"{limit} requests are open, which is BACKLOG_LIMIT: no more are accepted until some are settled."
            " See whether workers run, and which backend rests: GET /api/v1/stats"
        )
    if unavailable:
        named = ", ".join(f"{name} ({code})" for name, code in sorted(unavailable.items())[:_MAX_NAMED])
        more = f" and {len(unavailable) - _MAX_NAMED} more" if len(unavailable) > _MAX_NAMED else ""
        found.append(
            f"backends are unavailable: {named}{more}. Their requests wait and are tried again by themselves;"
            " GET /api/v1/backends says why, `python -m app.cli doctor` asks their servers"
        )
    return found


class DependencyProbes:
    """Asks each dependency in a thread and over a connection that nothing else uses.

    Calls that come together share one question, and none waits longer than `PROBE_TIMEOUT`.
    """

    def __init__(self) -> None:
        self._asks = _dependencies()
        self._threads = ThreadPoolExecutor(len(self._asks), "probe")
        self._outages = {
            name: Outage(log, f"{name} does not answer; /readyz says so", f"{name} answers again")
            for name in self._asks
        }
        self._asked: dict[str, Future[object]] = {}  # by dependency: the last question

    async def states(self) -> dict[str, str]:
        """Return the state of each dependency by name: "ok" or "unavailable". The log has the details."""
        states = await asyncio.gather(*map(self._state, self._asks))
        return dict(zip(self._asks, states, strict=True))

    async def _state(self, name: str) -> str:
        if name not in self._asked or self._asked[name].done():
            self._asked[name] = self._threads.submit(self._asks[name])
        answer = asyncio.wrap_future(self._asked[name])
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())  # it need not be awaited
        await asyncio.wait([answer], timeout=PROBE_TIMEOUT)
        if answer.done() and answer.exception() is None:
            self._outages[name].end()
            return OK
        why = repr(answer.exception()) if answer.done() else f"nothing within {PROBE_TIMEOUT:g} s"
        self._outages[name].note(why)
        return UNAVAILABLE
