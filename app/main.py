"""The API process."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from app.api import errors, openapi
from app.api.fast_routes import Shortcut
from app.api.v1.endpoints import dns, health, requests, zones
from app.core import logging
from app.core.config import settings
from app.core.database import close, transaction, upgrade
from app.services.requests.group_commit import Intake
from app.services.zones import registry

_PATIENCE = 300_000  # new objects before the collector looks for garbage; Python's own is 700


def _prepare() -> None:
    upgrade()
    with transaction() as session:
        registry.bootstrap(session, settings().bootstrap_zones)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    await run_in_threadpool(_prepare)
    gc.freeze()  # what is there now stays, and need not be looked through
    gc.set_threshold(_PATIENCE)  # a large batch is that many objects, none of them garbage before its answer
    app.state.intake = intake = Intake(settings().intake_queue)
    writer = asyncio.create_task(intake.run())
    yield
    await intake.drain()
    writer.cancel()
    await asyncio.wait([writer])
    close()


def create_app() -> FastAPI:
    """Build the application."""
    app = FastAPI(
        title="DNS Request Orchestrator",
        version="0.1.0",
        description="Ask for a DNS change, and follow it until every authoritative server answers it.",
        lifespan=_lifespan,
    )
    app.add_middleware(Shortcut, calls=dns.SHORTCUTS)
    app.include_router(dns.router, prefix="/api/v1")
    app.include_router(requests.router, prefix="/api/v1")
    app.include_router(zones.router, prefix="/api/v1")
    app.include_router(health.router)
    errors.install(app)
    openapi.install(app)
    return app


logging.configure("api")  # here, so that uvicorn's first lines have our shape too
app = create_app()
