"""The DNS services behind the zones."""

from fastapi import APIRouter

from app.api.answers import backend_out
from app.api.auth import needs
from app.api.body import JsonRoute
from app.core.database import reading
from app.domain.permissions import Right
from app.schemas.response import BackendList
from app.services.backends import list_backends

router = APIRouter(prefix="/backends", tags=["backends"], route_class=JsonRoute)


@router.get("", summary="List the backends")
@needs(Right.READ_ALL)
def show_backends() -> BackendList:
    """Every backend that a worker's inventory has or a zone names: whether it works, and if not, why."""
    with reading() as session:
        return BackendList(items=[backend_out(state) for state in list_backends(session)])
