"""Post to an address that somebody else has chosen.

The name is resolved once for each connection, and the connection goes to an address that was looked at: no
other answer of the name's servers is ever followed. No redirection is, and no proxy is asked.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import Any

import httpcore2

from app.core.networks import Address, Network, parse_address
from app.domain.webhook import Target
from app.notify.addresses import may_be_asked
from app.notify.bounded_stream import BoundedStream

MAX_CLIP = 1_024  # bytes of an answer that are kept
_DISTINCT = 8  # addresses of one name that are tried, at most

Resolve = Callable[[str, int], Iterable[Address]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has come of a post: a status, or a code and words that say why there is none."""

    status: int | None = None
    clip: str = ""  # the beginning of the answer's body
    code: str | None = None  # None: it was taken
    words: str = ""  # for whoever owns the webhook: they name no address that he did not
    retry_after: float | None = None  # seconds
    took: float = 0.0  # seconds

    @property
    def taken(self) -> bool:
        """Whether the receiver has taken it."""
        return self.code is None


class _NotAllowed(Exception):
    """No address of the name may be asked."""


class _NotResolved(Exception):
    """The name has no address."""


def resolve_by_system(host: str, port: int) -> list[Address]:
    """Return the addresses of a name, as the system knows them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [address for each in found if (address := parse_address(str(each[4][0]))) is not None]


class WebhookClient:
    """Posts within bounds of time and bytes. One for each event loop; it keeps no connection."""

    def __init__(
        self,
        allowed: Collection[Network],
        timeout: float,
        ca_file: Path | None = None,
        resolve: Resolve = resolve_by_system,
        *,
        allow_http: bool = False,
    ) -> None:
        self._backend = _Pinned(allowed, resolve, timeout)
        self._timeout = timeout
        self._allow_http = allow_http
        self._tls = ssl.create_default_context(cafile=ca_file)

    async def post(self, target: Target, headers: dict[str, str], body: bytes) -> Outcome:
        """Post the body, and return what has come of it."""
        if target.scheme != "https" and not self._allow_http:
            return Outcome(code="webhook_not_https", words="its URL is not https; WEBHOOK_ALLOW_HTTP is off")
        began = time.monotonic()
        answer = _Answer()
        try:
            async with asyncio.timeout(self._timeout):
                await self._post(target, headers, body, answer)
        except TimeoutError:
            if answer.status is None:
                answer.code = "timeout"
                answer.words = f"no answer within {self._timeout:g} s"
        except Exception as error:  # httpcore's, h11's, ssl's and the system's
            if answer.status is None:
                answer.code, answer.words = _words_for(error)
        return answer.outcome(time.monotonic() - began)

    async def _post(self, target: Target, headers: dict[str, str], body: bytes, answer: "_Answer") -> None:
        url = httpcore2.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        )
        own = {"Host": _host_of(target), "Connection": "close", "Content-Length": str(len(body))}
        written = [(name.encode(), value.encode()) for name, value in (own | headers).items()]
        pool = httpcore2.AsyncConnectionPool(
            ssl_context=self._tls, network_backend=self._backend, max_keepalive_connections=0
        )
        async with pool, pool.stream("POST", url, headers=written, content=body) as got:
            answer.status = got.status
            answer.headers = {name.lower(): value for name, value in got.headers}
            async for chunk in got.aiter_stream():
                answer.body += chunk[: MAX_CLIP - len(answer.body)]
                if len(answer.body) >= MAX_CLIP:
                    break


class _Answer:
    """What has come so far."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: Mapping[bytes, bytes] = {}
        self.body = b""
        self.code: str | None = None
        self.words = ""

    def outcome(self, took: float) -> Outcome:
        if self.status is not None and not HTTPStatus(200) <= self.status < HTTPStatus(300):
            self.code = "answered_error"
            self.words = f"it has answered {self.status}"
            if HTTPStatus(300) <= self.status < HTTPStatus(400):
                self.words += ": no redirection is followed, change the URL"
        return Outcome(
            status=self.status,
            clip=_as_text(self.body),
            code=self.code,
            words=self.words,
            retry_after=_read_retry_after(self.headers.get(b"retry-after")),
            took=took,
        )


class _Pinned(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were looked at, whatever the name has a moment later."""

    def __init__(self, allowed: Collection[Network], resolve: Resolve, timeout: float) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._timeout = timeout
        self._tcp = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first of the name's addresses that may be asked, and takes the connection."""
        addresses = await self._addresses(host, port)
        share = self._timeout / (len(addresses) + 1)  # one that is silent leaves time for the others
        last: Exception | None = None
        for address in addresses:
            try:
                stream = await self._tcp.connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
            else:
                return BoundedStream(stream)
        raise last or _NotAllowed

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        literal = parse_address(host)
        found = [literal] if literal else await _in_thread(partial(self._resolve, host, port))
        allowed = [each for each in dict.fromkeys(found) if may_be_asked(each, self._allowed)]
        return allowed[:_DISTINCT]


async def _in_thread(resolve: Callable[[], Iterable[Address]]) -> list[Address]:
    """Resolve in a thread of its own, which nobody waits for once the time is over. Raises _NotResolved.

    A pool's threads could all wait for the servers of names that do not answer.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Address]] = loop.create_future()

    def settle(found: list[Address] | None) -> None:
        if answer.done():
            return
        if found:
            answer.set_result(found)
        else:
            answer.set_exception(_NotResolved())

    def look_up() -> None:
        found = None
        with suppress(OSError, ValueError):  # a ValueError is a name that can't be encoded
            found = list(resolve())
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, found)

    Thread(target=look_up, name="resolve a webhook", daemon=True).start()
    return await answer


def _words_for(error: BaseException) -> tuple[str, str]:
    """Return a code and words for whoever owns the webhook."""
    match error:
        case _NotAllowed():
            return "address_not_allowed", "its address is not public; WEBHOOK_ALLOWED_NETWORKS has it not"
        case _NotResolved():
            return "name_not_resolved", "its name has no address"
        case httpcore2.ConnectError() if (of_tls := _find(error, ssl.SSLError)) is not None:
            why = of_tls.verify_message if isinstance(of_tls, ssl.SSLCertVerificationError) else of_tls.reason
            return "tls_failed", f"TLS: {why or 'no agreement'}"
        case httpcore2.ConnectError() | httpcore2.ConnectTimeout():
            return "connection_failed", "no connection"
        case httpcore2.ProtocolError():
            return (
                "answer_invalid",
                "it has ended without an answer, or with one that is not HTTP or too long",
            )
        case _:
            return "connection_lost", "the connection ended before an answer"


def _find(error: BaseException | None, kind: type[ssl.SSLError]) -> Any:
    """Return what has led to the error, if it is of that kind."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def _host_of(target: Target) -> str:
    return target.origin.partition("://")[2]


def _as_text(body: bytes) -> str:
    """Return what can be shown of an answer: text without control characters."""
    text = body.decode("utf-8", "replace")
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text)


def _read_retry_after(value: bytes | None) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3)."""
    text = (value or b"").decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    with suppress(ValueError, TypeError, OverflowError):
        then = parsedate_to_datetime(text)
        return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    return None
