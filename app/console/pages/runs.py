"""Runs: the list, and one of them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.console.auth import PageRoute, needs
from app.console.query import Cursor, FilterText, OneOf
from app.console.rendering import show
from app.core.database import reading
from app.domain.permissions import Right
from app.services.requests.lookup import RequestFilter, find_requests
from app.services.runs import RunFilter, RunStatus, find_runs, get_run

router = APIRouter(prefix="/runs", route_class=PageRoute)

_RUNS, _REQUESTS = 50, 50  # of a page


@router.get("")
@needs(Right.READ_ALL)
def list_runs(
    request: Request,
    zone: FilterText = None,
    backend: FilterText = None,
    status: Annotated[OneOf[RunStatus], Query()] = None,
    cursor: Cursor = None,
) -> Response:
    """What Ansible was executed for, the newest first."""
    wanted = RunFilter(zone, backend, status)
    with reading() as session:
        page = find_runs(session, wanted, _RUNS, cursor)
    return show(request, "runs/list.html", filters=wanted, page=page, statuses=RunStatus)


@router.get("/{run_id}")
@needs(Right.READ_ALL)
def show_run(request: Request, run_id: UUID, cursor: Cursor = None) -> Response:
    """A run: what it said, its figures by host, and its requests."""
    with reading() as session:
        found = get_run(session, run_id)
    with reading() as session:
        page = find_requests(session, RequestFilter(run_id=run_id), _REQUESTS, cursor)
    return show(request, "runs/run.html", found=found, run=found.run, page=page)
