"""The API with nothing behind its route and its validation: `uvicorn benchmarks.no_database:app`.

It serves the zones of `BOOTSTRAP_ZONES`, answers what it accepts, and stores nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI

from app.core.config import settings
from app.domain.checks import Checks
from app.domain.permissions import Caller
from app.domain.zone_settings import PLAIN
from app.main import create_app
from app.services.requests.draft import RawChange, Refused
from app.services.requests.place import place_in_zone
from app.services.requests.submission import Accepted, Submitted, accepted_request
from app.services.requests.submit import new_request
from app.services.requests.validate import read_change


class Nowhere:
    """Stands in for the group commit: what it accepts is not stored."""

    async def submit(self, raw: RawChange, size: int, caller: Caller) -> Submitted:
        """Return the result that the group commit would give once it had stored the request."""
        zones = dict.fromkeys(settings().bootstrap_zones, PLAIN[Checks.WARN])
        placed = place_in_zone(read_change(raw, caller), zones)
        if isinstance(placed, Refused):
            return placed
        return Accepted(accepted_request(new_request(placed), datetime.now(UTC), None), transaction=0)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.group_commit = Nowhere()
    yield


app = create_app()
app.router.lifespan_context = _lifespan
