"""The API with nothing behind its route and its validation: `uvicorn benchmarks.no_database:app`.

It serves the zones of `BOOTSTRAP_ZONES`, answers what it accepts, and stores nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI

from app.core.config import settings
from app.main import create_app
from app.services.requests import validate
from app.services.requests.submit import Answer, accepted, new_request
from app.services.requests.validate import Asked


class Nowhere:
    """Takes the place of the intake, but stores nothing."""

    async def submit(self, asked: Asked, *, large: bool = False) -> Answer:
        """Return the answer that the intake gives after it has stored the request."""
        placed = validate.place(validate.read(asked), settings().bootstrap_zones)
        new = new_request(placed)
        return Answer(accepted(new, datetime.now(UTC)) if new else None, reasons=placed.reasons)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.intake = Nowhere()
    yield


app = create_app()
app.router.lifespan_context = _lifespan
