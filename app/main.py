"""The API process."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from app.api import errors, openapi
from app.api.body_limits import BodyLimits
from app.api.fast_routes import put_in_front
from app.api.v1.endpoints import backends, dns, health, records, requests, zones
from app.core.config import settings
from app.core.database import close, require_schema, transaction, upgrade
from app.core.logging import configure_logging, warn_if_simulated
from app.services.kicks import KickSender
from app.services.requests.batch import BatchWorkers
from app.services.requests.group_commit import GroupCommit
from app.services.zones.registry import add_bootstrap_zones, forget_simulated_zones

_PREFIX = "/api/v1"
# New objects before the garbage collector looks for garbage; Python's own value is 700. A large batch is that
# many objects, none of them garbage before its answer.
_GC_THRESHOLD = 300_000


def _prepare_database() -> None:
    if settings().migrate == "auto":
        upgrade()
    else:
        require_schema()
    with transaction() as session:
        add_bootstrap_zones(session, settings().bootstrap_zones)
        if not settings().simulated:
            forget_simulated_zones(session)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    warn_if_simulated()
    await run_in_threadpool(_prepare_database)
    gc.freeze()  # what has been loaded stays, and need not be looked through
    gc.set_threshold(_GC_THRESHOLD)
    kicks = KickSender()
    app.state.batch_workers = BatchWorkers(kicks)
    app.state.group_commit = group_commit = GroupCommit(kicks)
    storing = asyncio.create_task(group_commit.run())
    yield
    await group_commit.wait_until_stored()
    await kicks.wait_until_sent()
    storing.cancel()
    await asyncio.wait([storing])
    close()


def create_app() -> FastAPI:
    """Build the application."""
    app = FastAPI(
        title="DNS Request Orchestrator",
        version="0.1.0",
        description="Ask for a DNS change, and follow it until every authoritative server answers it.",
        lifespan=_lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # it looks for a provider at each call
    )
    batch = settings().max_batch_body
    # The first that is added is the innermost: others stand around it, and see its errors as answers.
    app.add_middleware(
        BodyLimits,
        default=settings().max_body,
        by_path={f"{_PREFIX}/dns/batch": batch, f"{_PREFIX}/dns/plan": batch},
        seconds=settings().body_timeout,
    )
    for endpoint in (dns, requests, records, zones, backends):
        app.include_router(endpoint.router, prefix=_PREFIX)
    app.include_router(health.router)
    put_in_front(app, _PREFIX, dns.FAST)
    errors.install(app)
    openapi.install(app)
    return app


configure_logging("api")  # at import, so that uvicorn's first lines have our format, too
app = create_app()
