"""The API's batch call, as the consumer makes it."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx2
from pydantic import BaseModel, ValidationError

from app.core.config import Settings
from app.kafka.retry import Tripped, TryLater
from app.schemas.response import Reason, Refused

TIMEOUT = httpx2.Timeout(30, connect=5)  # seconds
# The call as a whole is refused for what one of its items holds, or for its size.
_BLAMES_THE_BODY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
_TRIPPED = (HTTPStatus.INTERNAL_SERVER_ERROR,)
_KNOWN_ALREADY = 200  # numbers, not HTTPStatus, where each item is looked at: an enum's member takes its time
_LATER = frozenset((408, 429))  # Request Timeout, Too Many Requests
_HEAD, _TAIL = b'{"requests":[', b"]}"


class Answer(BaseModel):
    """What the API says about one item."""

    index: int
    status_code: int
    errors: list[Reason] | None = None

    @property
    def accepted(self) -> bool:
        """There is a request for it."""
        return 200 <= self.status_code < 300

    @property
    def replayed(self) -> bool:
        """The request was there already: the message has come before."""
        return self.status_code == _KNOWN_ALREADY

    @property
    def reasons(self) -> list[Reason]:
        """Why it is refused."""
        return self.errors or [Reason(loc=[], msg=f"the API answered {self.status_code}", type="api_refused")]

    @property
    def undecided(self) -> bool:
        """It may be accepted at another time."""
        return self.status_code >= 500 or self.status_code in _LATER


class _Answers(BaseModel):
    results: list[Answer]


class BatchCall:
    """Sends items to the API and brings back one answer for each."""

    def __init__(self, config: Settings) -> None:
        self._client = httpx2.Client(timeout=TIMEOUT, headers={"content-type": "application/json"})
        self._url = config.batch_url
        self._max_items = config.max_batch_items
        self._max_size = config.max_batch_body

    def submit(self, items: Sequence[bytes], *, apart: bool = False) -> list[Answer]:
        """An answer for each item, in the order given. Raises TryLater when the API cannot say.

        Tripped when it answers 500 to a whole call; with `apart` the item to blame has that for its answer.
        """
        halved = _BLAMES_THE_BODY + _TRIPPED if apart else _BLAMES_THE_BODY
        return [answer for chunk in self._chunks(items) for answer in self._ask(chunk, halved)]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _chunks(self, items: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Runs of items that the API takes in one call, by their number and their size."""
        chunk: list[bytes] = []
        size = len(_HEAD + _TAIL)
        for item in items:
            if chunk and (len(chunk) >= self._max_items or size + len(item) + 1 > self._max_size):
                yield chunk
                chunk, size = [], len(_HEAD + _TAIL)
            chunk.append(item)
            size += len(item) + 1
        if chunk:
            yield chunk

    def _ask(self, items: Sequence[bytes], halved: Collection[int]) -> list[Answer]:
        """One call; one with an answer that is `halved` is, until the item to blame stands alone."""
        response = self._post(items)
        if response.is_success:
            return _read(response, len(items))
        if response.status_code not in halved:
            kind = Tripped if response.status_code in _TRIPPED else TryLater
            raise kind(f"the API answered {response.status_code}", _retry_after(response))
        if len(items) == 1:
            return [Answer(index=0, status_code=response.status_code, errors=_reasons(response))]
        half = len(items) // 2
        return self._ask(items[:half], halved) + self._ask(items[half:], halved)

    def _post(self, items: Sequence[bytes]) -> httpx2.Response:
        try:
            return self._client.post(self._url, content=_HEAD + b",".join(items) + _TAIL)
        except httpx2.HTTPError as error:
            raise TryLater(f"the API is away: {type(error).__name__}") from error


def _read(response: httpx2.Response, expected: int) -> list[Answer]:
    try:
        answers = _Answers.model_validate_json(response.content).results
    except ValidationError as error:
        raise TryLater("the API's answer is not that of the batch call") from error
    if [answer.index for answer in answers] != list(range(expected)):
        raise TryLater(f"the API answered for {len(answers)} of {expected} items")
    return answers


def _reasons(response: httpx2.Response) -> list[Reason]:
    if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return [Reason(loc=[], msg="larger than the API takes", type="message_too_large")]
    try:
        return Refused.model_validate_json(response.content).detail
    except ValidationError:
        return []


def _retry_after(response: httpx2.Response) -> float | None:
    """The seconds that `Retry-After` asks for, given as seconds or as a date (RFC 9110, section 10.2.3)."""
    given = response.headers.get("retry-after", "")
    if given.isascii() and given.isdigit():
        return float(given)
    try:
        return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
