"""Dead letters: messages of Kafka that could not be accepted."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from app.console.auth import PageRoute, TheCaller, needs
from app.console.errors import error_page
from app.console.forms import TheForm, done, read_shape
from app.console.query import FilterText, OneOf
from app.console.rendering import show
from app.domain.errors import InvalidInput, Reason
from app.domain.permissions import Right
from app.services import dead_letters
from app.services.dead_letters import DeadLetterQueueError

router = APIRouter(prefix="/dead-letters", route_class=PageRoute)

_HIGHEST = 2**63 - 1  # offset
_Offset = Annotated[int, Field(ge=0, le=_HIGHEST)]
_Partition = Annotated[int, Field(ge=0, le=2**31 - 1)]


class _Selection(BaseModel):
    topic: str
    partition: _Partition
    offset: Annotated[list[_Offset], Field(min_length=1, max_length=dead_letters.AT_ONCE)]


@router.get("")
@needs(Right.READ_ALL)
def list_dead_letters(
    request: Request,
    caller: TheCaller,
    topic: FilterText = None,
    partition: Annotated[OneOf[_Partition], Query()] = None,
    before: Annotated[OneOf[_Offset], Query()] = None,
) -> Response:
    """Those of one partition of a topic's DLQ, the newest first."""
    try:
        found = dead_letters.look(_topic(topic), caller, partition, before)
    except DeadLetterQueueError as error:
        return error_page(request, 503, str(error))
    return show(request, "dead_letters/list.html", found=found, topics=dead_letters.topics())


@router.post("/replay")
@needs(Right.STEER_MANY)
def replay(request: Request, caller: TheCaller, form: TheForm) -> Response:
    """Send messages back, as they were, to the topic from which they came."""
    asked = {name: form.text(name) for name in ("topic", "partition")}
    chosen = read_shape(_Selection, {**asked, "offset": form.texts("offset")})
    try:
        left = dead_letters.replay(_topic(chosen.topic), caller, chosen.partition, chosen.offset)
    except DeadLetterQueueError as error:
        return error_page(request, 503, str(error))
    if left:
        return show(request, "dead_letters/left.html", 409, left=left, number=len(chosen.offset) - len(left))
    back = {"topic": chosen.topic, "partition": chosen.partition}
    return done(request, "/dead-letters", "replayed", **back)


def _topic(wanted: str | None) -> str:
    """Return the topic that is meant. Raises InvalidInput for one that is not consumed."""
    topics = dead_letters.topics()
    if wanted is None:
        return topics[0]
    if wanted not in topics:
        raise InvalidInput([Reason(("topic",), "topic_unknown", "no such topic is consumed here")], "query")
    return wanted
