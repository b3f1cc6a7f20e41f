"""Delivers events to webhooks. A thread of the worker process, with an event loop of its own.

A process serves a webhook for a while, and no other one does meanwhile; a webhook that is slow or dead keeps
nobody waiting but itself. Where nothing at all is taken, one delivery is tried after growing pauses; one that
alone is not taken is tried after growing pauses of its own, and only its own request waits for it.
docs/decisions/0046-webhooks.md
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar
from uuid import UUID, uuid4

from app.core.config import settings
from app.core.database import transaction
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import get_logger
from app.core.startup import cause
from app.domain.webhook import sign
from app.notify.webhook import Outcome, WebhookClient
from app.services.events.cloud_event import MEDIA_TYPE
from app.services.webhooks.floors import Floors
from app.services.webhooks.tend import tend
from app.services.webhooks.turns import SERVICE_TIME, Turn, begin, settle
from app.store import webhooks as store
from app.store.deliveries import Due

log = get_logger(__name__)

_AT_ONCE = 8  # deliveries to one webhook
_WEBHOOKS = 200  # that a process serves at once
_BEGIN_WITHIN = 20.0  # seconds after they were taken; what has not begun then is taken again
_POLL = 0.5  # seconds
_POLL_AFTER_FAILURE = 30.0  # seconds
_TEND_EVERY = 60.0  # seconds
_STOP_WITHIN = 15.0  # seconds for what is under way when the process ends
_THREADS = 4  # for statements

_HEADERS = {
    "Content-Type": MEDIA_TYPE,
    "User-Agent": "dns-request-orchestrator",
    "Accept": "*/*",
}
Found = TypeVar("Found")


def deliver_until(stop: Event) -> None:
    """Deliver until `stop` is set, whatever happens."""
    while not stop.is_set():
        try:
            asyncio.run(Deliverer().run(stop))
        except Exception:  # WEBHOOK_CA_FILE can't be read, say
            log.exception("webhooks not served; tried again soon")
            stop.wait(_POLL_AFTER_FAILURE)


class Deliverer:
    """Serves the webhooks that are due and that no other process serves."""

    def __init__(self) -> None:
        self._server: UUID = uuid4()
        self._serving: dict[UUID, asyncio.Task[None]] = {}
        self._threads = ThreadPoolExecutor(_THREADS, "webhooks")
        self._floors = Floors()
        self._said = ""
        self._client = WebhookClient(
            settings().webhook_allowed_networks,
            settings().webhook_timeout,
            settings().webhook_ca_file,
            allow_http=settings().webhook_allow_http,
        )

    async def run(self, stop: Event) -> None:
        """Serve until `stop` is set; what is under way then is brought to an end."""
        tended = -_TEND_EVERY
        while not stop.is_set():
            if time.monotonic() - tended >= _TEND_EVERY:
                tended = time.monotonic()
                await self._guarded(tend)
            for webhook_id in await self._guarded(self._take) or ():
                self._serving[webhook_id] = asyncio.create_task(self._serve(webhook_id, stop))
            await asyncio.sleep(_POLL)
        if self._serving:
            await asyncio.wait(self._serving.values(), timeout=_STOP_WITHIN)
        await self._guarded(self._release)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _guarded(self, do: Callable[[], Found]) -> Found | None:
        """Do it in a thread; None where it fails, which is said once."""
        try:
            found = await self._in_thread(do)
        except DATABASE_ERRORS as error:
            if (reason := cause(error)) != self._said:
                log.warning(
                    "webhooks not served: the database failed; tried again until it works", error=reason
                )
            self._said = reason
        except Exception:  # if this ended, nothing would be delivered any more
            log.exception("webhooks not served; tried again soon")
        else:
            self._said = ""
            return found
        return None

    async def _in_thread(self, do: Callable[[], Found]) -> Found:
        return await asyncio.get_running_loop().run_in_executor(self._threads, do)

    def _take(self) -> Sequence[UUID]:
        free = _WEBHOOKS - len(self._serving)
        with transaction() as session:
            return store.take_due(session, self._server, list(self._serving), free, SERVICE_TIME)

    def _release(self) -> None:
        with transaction() as session:
            store.release_all(session, self._server)

    async def _serve(self, webhook_id: UUID, stop: Event) -> None:
        """Deliver to one webhook until nothing is due, or it takes nothing."""
        try:
            while not stop.is_set() and await self._take_turn(webhook_id):
                pass
        except DATABASE_ERRORS as error:
            log.warning(
                "webhook not served: the database failed; it is served again when its time is over",
                webhook=str(webhook_id),
                error=cause(error),
            )
        except Exception:
            log.exception(
                "webhook not served; it is served again when its time is over", webhook=str(webhook_id)
            )
        finally:
            del self._serving[webhook_id]

    async def _take_turn(self, webhook_id: UUID) -> bool:
        """Deliver what is due; False when the webhook is left."""
        end = time.monotonic() + _BEGIN_WITHIN
        turn = await self._in_thread(lambda: begin(self._server, webhook_id, self._floors))
        if turn is None:
            return False
        tried = await self._deliver(turn, end)
        return await self._in_thread(lambda: settle(self._server, turn, tried, self._floors))

    async def _deliver(self, turn: Turn, end: float) -> list[tuple[Due, Outcome]]:
        """Try what is due, so many at once, and return what has come of it.

        Nothing begins after `end`, by when others may serve the webhook should this process stand still, nor
        once something was not taken and nothing was.
        """
        waiting, tried = deque(turn.due), list[tuple[Due, Outcome]]()

        async def work() -> None:
            while waiting and time.monotonic() < end:
                if tried and not any(outcome.taken for _, outcome in tried):
                    return
                due = waiting.popleft()
                tried.append((due, await self._post(turn, due)))

        await asyncio.gather(*(work() for _ in range(min(_AT_ONCE, len(waiting)))))
        return tried

    async def _post(self, turn: Turn, due: Due) -> Outcome:
        event_id, now = str(due.event_id), int(time.time())
        signed = {
            "webhook-id": event_id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(turn.secrets, event_id, now, due.body),
        }
        return await self._client.post(turn.target, _HEADERS | signed, due.body)
