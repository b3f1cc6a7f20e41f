"""What Prometheus asks for."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool

from app.api.auth import needs
from app.api.parameters import StrictRoute
from app.core import metrics
from app.core.database_errors import DATABASE_ERRORS
from app.core.logging import get_logger
from app.core.startup import cause
from app.domain.errors import Overloaded
from app.domain.permissions import EVERYBODY, Right
from app.services.gauges import gauges
from app.services.health import DependencyProbes
from app.services.stats import CurrentStats, Stats

log = get_logger(__name__)

router = APIRouter(tags=["health"], route_class=StrictRoute)

_TIMEOUT = 5.0  # seconds until the database must have said how things are; Prometheus waits for 10


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
@needs(Right.READ_ALL)
async def show_metrics(request: Request, accept: Annotated[str, Header(max_length=1024)] = "") -> Response:
    """What this API has counted, and how the service is, in the format of Prometheus or OpenMetrics.

    docs/reference/metrics.md lists them. Where the database does not answer in time, `stats_up` is 0, and
    what it would tell is missing. The worker and the consumer show theirs at `METRICS_LISTEN`.
    """
    probes: DependencyProbes = request.app.state.probes
    stats, dependencies = await asyncio.gather(_look(request.app.state.stats), probes.states())
    content, media_type = metrics.render(accept, gauges(stats, dependencies))
    return Response(content, media_type=media_type)


async def _look(current: CurrentStats) -> Stats | None:
    try:
        looking = run_in_threadpool(current.look, EVERYBODY.principal, 0)
        return await asyncio.wait_for(looking, _TIMEOUT)
    except (*DATABASE_ERRORS, Overloaded, TimeoutError) as error:
        why = cause(error) or f"no answer within {_TIMEOUT:g} s"
        log.warning("gauges are missing in the metrics: the database did not tell them", error=why)
        return None
