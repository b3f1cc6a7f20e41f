"""A client of the API's batch call, `POST /api/v1/dns/batch`."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx2
from pydantic import BaseModel, ValidationError

from app.domain.change import Via
from app.kafka.retry import ApiFailed, RetryLater
from app.schemas.request import VIA_HEADER
from app.schemas.response import Reason, Refused

TIMEOUT = httpx2.Timeout(30, connect=5)  # seconds
# The statuses are looked up once, here: `HTTPStatus.OK` in a property would take 0.3 µs for each item.
_REPLAYED = HTTPStatus.OK
_UNDECIDED = frozenset((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS))
_FAILED = HTTPStatus.INTERNAL_SERVER_ERROR
# The API refuses the call as a whole for what one of its items contains, or for its size.
_BODY_REFUSED = frozenset(
    (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)
)
_HEADERS = {"content-type": "application/json", VIA_HEADER: Via.KAFKA.value}
_HEAD, _TAIL = b'{"requests":[', b"]}"


class ItemResult(BaseModel):
    """The API's result for one item of a batch call."""

    index: int
    status_code: int
    errors: list[Reason] | None = None

    @property
    def accepted(self) -> bool:
        """Whether there is a request for the item."""
        return 200 <= self.status_code < 300

    @property
    def replayed(self) -> bool:
        """Whether the request existed already: the message was delivered again."""
        return self.status_code == _REPLAYED

    @property
    def undecided(self) -> bool:
        """Whether the API may accept the item at another time."""
        return self.status_code >= 500 or self.status_code in _UNDECIDED

    @property
    def reasons(self) -> list[Reason]:
        """Why the item is refused."""
        return self.errors or [Reason(loc=[], msg=f"the API answered {self.status_code}", type="api_refused")]


class _BatchResponse(BaseModel):
    results: list[ItemResult]


class ApiClient:
    """Submits items to the API, at most `max_items` and `max_bytes` in one call. Threads may share it."""

    def __init__(self, batch_url: str, max_items: int, max_bytes: int) -> None:
        self._http = httpx2.Client(timeout=TIMEOUT, headers=_HEADERS)
        self._url = batch_url
        self._max_items = max_items
        self._max_size = max_bytes

    def submit_batch(self, items: Sequence[bytes], *, split_failed: bool = False) -> list[ItemResult]:
        """Submit items (JSON) in as few calls as the API allows; return their results in the order given.

        Raises RetryLater when the API can't be reached or answers without results, and ApiFailed when it
        answers 500 to a whole call. With `split_failed` such a call is halved until the item to blame is
        alone, which then has 500 as its result.
        """
        halved = _BODY_REFUSED | {_FAILED} if split_failed else _BODY_REFUSED
        return [result for call in self._calls(items) for result in self._submit_call(call, halved)]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _calls(self, items: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Divide the items into calls within the API's limits of number and size."""
        call: list[bytes] = []
        size = len(_HEAD + _TAIL)
        for item in items:
            if call and (len(call) >= self._max_items or size + len(item) + 1 > self._max_size):
                yield call
                call, size = [], len(_HEAD + _TAIL)
            call.append(item)
            size += len(item) + 1
        if call:
            yield call

    def _submit_call(self, items: Sequence[bytes], halved: Collection[int]) -> list[ItemResult]:
        """Make one call. If its status is one of `halved`, halve it until the item to blame is alone."""
        try:
            response = self._http.post(self._url, content=_HEAD + b",".join(items) + _TAIL)
        except httpx2.HTTPError as error:
            raise RetryLater(f"the API can't be reached: {type(error).__name__}") from error
        if response.is_success:
            return _read_results(response, len(items))
        if response.status_code not in halved:
            kind = ApiFailed if response.status_code == _FAILED else RetryLater
            raise kind(f"the API answered {response.status_code}", _retry_after(response))
        if len(items) == 1:
            return [ItemResult(index=0, status_code=response.status_code, errors=_read_reasons(response))]
        half = len(items) // 2
        return self._submit_call(items[:half], halved) + self._submit_call(items[half:], halved)


def _read_results(response: httpx2.Response, expected: int) -> list[ItemResult]:
    try:
        results = _BatchResponse.model_validate_json(response.content).results
    except ValidationError as error:
        raise RetryLater("the response is not that of a batch call; check API_URL") from error
    if [result.index for result in results] != list(range(expected)):
        raise RetryLater(f"the API answered for {len(results)} items instead of {expected}, or not in order")
    return results


def _read_reasons(response: httpx2.Response) -> list[Reason]:
    if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return [Reason(loc=[], msg="larger than the API accepts", type="message_too_large")]
    try:
        return Refused.model_validate_json(response.content).detail
    except ValidationError:
        return []


def _retry_after(response: httpx2.Response) -> float | None:
    """Return `Retry-After` in seconds, given as seconds or as a date (RFC 9110, section 10.2.3)."""
    given = response.headers.get("retry-after", "")
    if given.isascii() and given.isdigit():
        return float(given)
    try:
        return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
