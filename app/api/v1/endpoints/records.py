"""Look at the records."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api import answers
from app.api.auth import TheCaller, needs
from app.api.parameters import StrictRoute
from app.api.query import Cursor, Limit, Text
from app.core.database import reading
from app.domain.permissions import Right
from app.schemas.request import Type
from app.schemas.response import RecordPage
from app.services.access.reading import account_to_list
from app.services.records import RecordFilter, find_records

router = APIRouter(prefix="/dns/records", tags=["dns"], route_class=StrictRoute)


@router.get("", summary="List records")
@needs(Right.READ)
def list_records(
    caller: TheCaller,
    zone: Annotated[Text | None, Query()] = None,
    domain: Annotated[Text | None, Query()] = None,
    record_type: Type | None = None,
    account_id: Annotated[Text | None, Query()] = None,
    owner: Annotated[Text | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> RecordPage:
    """The RRsets that requests have changed, as the authoritative servers last answered them.

    With `zone` or `domain` also those of other accounts that your grants cover, without whose they are.
    """
    if owner is not None:
        owner = account_to_list(caller.principal, owner)
    if account_id is not None or not (owner or zone or domain):
        account_id = account_to_list(caller.principal, account_id)
    wanted = RecordFilter(zone, domain, record_type, account_id, owner)
    with reading() as session:
        page = find_records(session, wanted, limit, cursor, caller)
    return RecordPage(items=[answers.record_out(item) for item in page.items], next_cursor=page.next_cursor)
