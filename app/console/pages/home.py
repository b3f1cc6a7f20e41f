"""The first page."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.console.auth import PageRoute, needs
from app.console.rendering import address
from app.domain.permissions import Right

router = APIRouter(route_class=PageRoute)


@router.get("/")
@needs(Right.KNOW_ONESELF)
def show_home(request: Request) -> Response:
    """Lead to the requests."""
    return RedirectResponse(address(request, "/requests"), 303)
