"""The API process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from app.api import connections, documentation, errors, openapi, proxies
from app.api import metrics as metrics_route
from app.api.auth import CONSOLE
from app.api.body_limits import BodyLimits
from app.api.front import Application
from app.api.v1.endpoints import (
    access,
    approvals,
    backends,
    dns,
    drift,
    health,
    plans,
    records,
    requests,
    rollback,
    rrsets,
    runs,
    stats,
    transfers,
    undo,
    webhooks,
    zone_contents,
    zones,
)
from app.console.app import create_console
from app.console.errors import show_refusal
from app.core import metrics, tracing
from app.core.answer_deadlines import enforce_answer_deadlines
from app.core.config import settings
from app.core.database import close, note_that_clients_wait, require_schema, transaction, upgrade
from app.core.garbage import look_for_garbage_rarely
from app.core.logging import configure_logging, warn_if_open, warn_if_simulated
from app.core.metrics_folder import folder_of_siblings, leave_folder
from app.core.setting_types import page
from app.core.startup import said_in_one_line
from app.domain.change import Action
from app.services.access.audit import note_auth
from app.services.access.current import CurrentAccess
from app.services.access.oidc.access_tokens import check_oidc_settings, configured_access_tokens
from app.services.access.oidc.login import configured_login
from app.services.access.refusals import Refusals
from app.services.access.wrong_credentials import WrongCredentials
from app.services.backends import Unavailable, end_simulation, note_executor
from app.services.dead_letter_count import DeadLetterCount
from app.services.health import DependencyProbes
from app.services.kicks import KickSender
from app.services.live.hub import Hub
from app.services.live.streams import Streams
from app.services.live.waits import Waits
from app.services.partitions import make_ahead
from app.services.presence import Presence
from app.services.requests.backlog import Backlog
from app.services.requests.batch import BodyWorkers
from app.services.requests.expire import end_expired_reviews
from app.services.requests.group_commit import GroupCommit
from app.services.requests.schedule import Schedule, queue_due
from app.services.stats import CurrentStats
from app.services.webhooks.note import DisabledNoter
from app.services.zones.members import register_members
from app.services.zones.registry import add_bootstrap_zones, check_bootstrap_zones

_PREFIX = "/api/v1"
_SMALL_BODY = 16 * 1024  # bytes: the body of a call that is no change
_GRID = 2_000_000  # bytes: the rows of the console's grid, and a file of changes beside them
_CANCEL_TIMEOUT = 1.0  # seconds
_END_TIMEOUT = 8.0  # seconds, when no call is open any more, for what was taken in to be stored and kicked


@said_in_one_line()
def _prepare_database() -> None:
    if settings().migrate == "auto":
        upgrade()
        make_ahead()
    else:
        require_schema()
    if not settings().simulated:
        end_simulation()
    with transaction() as session:
        note_executor(session)
        note_auth(session, settings().auth)
        add_bootstrap_zones(session, settings().bootstrap_zones)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    warn_if_simulated()
    warn_if_open()
    note_that_clients_wait()
    await run_in_threadpool(_prepare_database)
    look_for_garbage_rarely()
    enforce_answer_deadlines()
    app.state.access = access_now = CurrentAccess()
    app.state.oidc = oidc = configured_access_tokens()
    if oidc is not None:
        oidc.keys.start_reading()
    app.state.oidc_login = configured_login(oidc)
    app.state.refusals = refusals = Refusals()
    app.state.wrong_credentials = WrongCredentials(refusals)
    app.state.probes = DependencyProbes()
    app.state.kicks = kicks = KickSender()
    app.state.backlog = backlog = Backlog(lambda: access_now.quotas)
    app.state.unavailable = unavailable = Unavailable()
    app.state.presence = presence = Presence()
    app.state.stats = CurrentStats()
    app.state.dead_letters = DeadLetterCount()
    app.state.batch_workers = BodyWorkers("batch", at_once=4, most=16)
    app.state.plan_workers = BodyWorkers("plan", at_once=2, most=8)
    app.state.group_commit = group_commit = GroupCommit(kicks, backlog)
    app.state.live = live = Hub()
    app.state.streams = Streams(live)
    app.state.waits = Waits(live)
    schedule = Schedule(queue_due, end_expired_reviews, register_members, DisabledNoter())
    at_work = (group_commit, backlog, unavailable, presence, refusals, schedule, live)
    running = [asyncio.create_task(each.run()) for each in at_work]
    with connections.called_at_shutdown(live.end):
        yield
    live.end()  # nobody who follows has a connection any more, but where uvicorn has none of ours
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_TIMEOUT):
            await group_commit.wait_until_stored()
            await kicks.wait_until_sent()
    for task in running:
        task.cancel()
    await asyncio.wait(running, timeout=_CANCEL_TIMEOUT)
    close()
    leave_folder(_metrics_folder)
    tracing.stop()


def _body_limits() -> BodyLimits:
    batch = settings().max_batch_body
    return BodyLimits(
        default=_SMALL_BODY,
        by_path={
            **{f"{_PREFIX}/dns/{action}": settings().max_body for action in Action},
            **{f"{_PREFIX}/dns/{call}": batch for call in ("batch", "plan")},
            **{f"{CONSOLE}/change{end}": _GRID for end in ("", "/check", "/import", "/rows")},
        },
        by_end={"/import": settings().max_import_body},
        together=settings().intake_bytes,
        seconds=settings().body_timeout,
    )


def create_app() -> FastAPI:
    """Build the application. Ends the process where the settings name zones that can't be served."""
    if wrong := [*check_bootstrap_zones(settings().bootstrap_zones), *check_oidc_settings()]:
        raise SystemExit(page(wrong))
    tracing.start("api")
    app = Application(
        title="DNS Request Orchestrator",
        version="0.1.0",
        description="Ask for a DNS change, and follow it until every authoritative server answers it.",
        lifespan=_lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        bodies=_body_limits(),
        fast={f"{_PREFIX}{path}": call for path, call in dns.FAST.items()},
    )
    for endpoint in (
        dns,
        plans,
        requests,
        approvals,
        undo,
        records,
        rrsets,
        rollback,
        drift,
        zone_contents,
        zones,
        backends,
        access,
        transfers,
        webhooks,
        runs,
        stats,
    ):
        app.include_router(endpoint.router, prefix=_PREFIX)
    app.include_router(health.router)
    app.include_router(metrics_route.router)
    errors.install(app)
    openapi.install(app)
    documentation.install(app)
    if settings().console:
        console = create_console(app.state)
        app.mount(CONSOLE, console)
        app.show_refusal = partial(show_refusal, console, CONSOLE)
    return app


configure_logging("api")  # at import, so that uvicorn's first lines have our format, too
_metrics_folder = folder_of_siblings()
metrics.start(_metrics_folder)
connections.install()
proxies.install()
app = create_app()
