"""A client of the API's batch call, `POST /api/v1/dns/batch`."""

import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx2
from pydantic import BaseModel, ValidationError

from app.core.config import settings
from app.core.setting_types import without_secrets
from app.core.tracing import traceparent
from app.domain.change import Via
from app.domain.retry_policy import Kind, of_call, of_item
from app.kafka.retry import ApiAway, ApiBroke, ApiFailed, RetryLater
from app.schemas.request import VIA_HEADER
from app.schemas.response import Reason, Refused

TIMEOUT = httpx2.Timeout(30, connect=5)  # seconds
PROBE_TIMEOUT = httpx2.Timeout(5)  # seconds
# The statuses are looked up once, here: `HTTPStatus.OK` in a property would take 0.3 µs for each item.
_REPLAYED = HTTPStatus.OK
_NO_ANSWER = frozenset((HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT))  # a proxy has had none
_REMEDIES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: ": it wants a good token in the file that API_TOKEN_FILE names",
    HTTPStatus.FORBIDDEN: ": the token in API_TOKEN_FILE needs the role gateway",
    HTTPStatus.NOT_FOUND: ": check API_URL",
    HTTPStatus.MISDIRECTED_REQUEST: ": ALLOWED_HOSTS of the API has to have the host name in API_URL",
}
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
        return not self.accepted and of_item(self.status_code) is not Kind.PERMANENT

    @property
    def reasons(self) -> list[Reason]:
        """Why the item is refused."""
        return self.errors or [Reason(loc=[], msg=f"the API answered {self.status_code}", type="api_refused")]


class _BatchResponse(BaseModel):
    results: list[ItemResult]


class CallRefused(Exception):
    """The API refuses a call as a whole, for what one of its items contains or for its size."""

    def __init__(self, status: int, reasons: list[Reason]) -> None:
        super().__init__(f"the API answered {status}")
        self.result = ItemResult(index=0, status_code=status, errors=reasons)


class ApiClient:
    """Makes batch calls. Threads may share it."""

    def __init__(self, batch_url: str) -> None:
        self._http = httpx2.Client(timeout=TIMEOUT, headers=_HEADERS, verify=_tls())
        self._url = batch_url

    def submit(self, items: Sequence[bytes]) -> list[ItemResult]:
        """Submit items (JSON) in one call; return their results in the order given.

        Raises CallRefused; ApiAway when the API can't be reached, ApiBroke when it was reached and gave no
        answer, ApiFailed when it answered 500, RetryLater when it answered anything else without results.
        """
        response = self._post(_HEAD + b",".join(items) + _TAIL, TIMEOUT)
        if response.is_success:
            return _read_results(response, len(items))
        kind = of_call(response.status_code)
        if kind is Kind.PERMANENT:
            raise CallRefused(response.status_code, _read_reasons(response))
        if response.status_code in _NO_ANSWER:
            raise ApiBroke(f"what stands before the API answered {response.status_code}")
        error = ApiFailed if kind is Kind.UNKNOWN else RetryLater
        raise error(
            f"the API answered {response.status_code}{_REMEDIES.get(response.status_code, '')}",
            _retry_after(response),
        )

    def require_alive(self) -> None:
        """Raise ApiAway unless the API answers a call without items."""
        try:
            response = self._post(_HEAD + _TAIL, PROBE_TIMEOUT)
        except ApiBroke as error:
            raise ApiAway("the API answers nothing at all") from error
        if response.status_code in _NO_ANSWER or response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            raise ApiAway(f"the API is not there: {response.status_code}", _retry_after(response))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _post(self, content: bytes, timeout: httpx2.Timeout) -> httpx2.Response:
        try:
            headers = _credentials() | _trace()
            return self._http.post(self._url, content=content, timeout=timeout, headers=headers)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError) as error:
            raise ApiAway(f"the API can't be reached at {self._shown()}: {_said(error)}") from error
        except httpx2.HTTPError as error:
            raise ApiBroke(f"the API at {self._shown()} gave no answer: {_said(error)}") from error

    def _shown(self) -> str:
        return without_secrets(self._url)


def _said(error: httpx2.HTTPError) -> str:
    return str(error) or type(error).__name__


def size_of_call(items: Sequence[bytes]) -> int:
    """Return the size of the body of a call, in bytes."""
    return len(_HEAD + _TAIL) + sum(map(len, items)) + len(items)


def _tls() -> ssl.SSLContext:
    """Return what the connection to the API needs: the CA that is trusted, and a certificate of our own."""
    context = ssl.create_default_context(cafile=settings().api_ca_file)
    if certificate := settings().api_certificate_file:
        context.load_cert_chain(certificate, settings().api_key_file)
    return context


def _trace() -> dict[str, str]:
    """Return the header that names the span of the call, where traces are made (W3C Trace Context)."""
    here = traceparent()
    return {"traceparent": here} if here else {}


def _credentials() -> dict[str, str]:
    """Return the header with the token, which is read anew for each call, so that it can be replaced."""
    path = settings().api_token_file
    if path is None:
        return {}
    try:
        token = path.read_text().strip()
    except OSError as error:
        raise RetryLater(f"API_TOKEN_FILE can't be read: {error.strerror}") from error
    return {"authorization": f"Bearer {token}"}


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
