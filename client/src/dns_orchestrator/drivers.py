"""The two ways to do what flows want done: blocking, and awaiting. Everything else is the same to both."""

import asyncio
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import httpx2

from dns_orchestrator.answers import read
from dns_orchestrator.call import Call, Exchange, Flow, Give, Next, Open, Pause, Response, Stream
from dns_orchestrator.errors import ConfigurationError, ConnectionFailed, OrchestratorError, answer_error
from dns_orchestrator.retries import Retries

_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


class BlockingDriver:
    """Does what flows want, and blocks until it is done."""

    def __init__(self, http: httpx2.Client, retries: Retries) -> None:
        self.http = http
        self._retries = retries

    def run(self, flow: Flow[Any]) -> Any:
        """Return what the flow returns."""
        [value] = self.iterate(_returned(flow))
        return value

    def iterate(self, stream: Stream[Any]) -> Iterator[Any]:
        """Yield what the stream gives."""
        steps, outcome = _steps(stream, self._retries), None
        with ExitStack() as opened:
            while True:
                try:
                    effect = steps.send(outcome)
                except StopIteration:
                    return
                if isinstance(effect, Give):
                    yield effect.value
                    outcome = None
                else:
                    outcome = self._do(effect, opened)

    def _do(self, effect: Any, opened: ExitStack) -> Any:
        if self.http.is_closed and isinstance(effect, Exchange | Open):
            return ConfigurationError("this client is closed: make another one")
        try:
            match effect:
                case Exchange(call):
                    return _response(self.http.request(**_request(call, self.http.timeout)))
                case Open(call):
                    streamed = self.http.stream(**_request(call, self.http.timeout))
                    response = opened.enter_context(streamed)
                    if _is_stream(response):
                        return response.iter_lines()
                    response.read()
                    return _no_stream(call, response)
                case Next(lines):
                    return next(lines, None)
                case Pause(seconds):
                    time.sleep(seconds)
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
            return _failure(error, self.http.base_url)


class AwaitingDriver:
    """Does what flows want, and awaits it."""

    def __init__(self, http: httpx2.AsyncClient, retries: Retries) -> None:
        self.http = http
        self._retries = retries

    async def run(self, flow: Flow[Any]) -> Any:
        """Return what the flow returns."""
        [value] = [value async for value in self.iterate(_returned(flow))]
        return value

    async def iterate(self, stream: Stream[Any]) -> AsyncIterator[Any]:
        """Yield what the stream gives."""
        steps, outcome = _steps(stream, self._retries), None
        async with AsyncExitStack() as opened:
            while True:
                try:
                    effect = steps.send(outcome)
                except StopIteration:
                    return
                if isinstance(effect, Give):
                    yield effect.value
                    outcome = None
                else:
                    outcome = await self._do(effect, opened)

    async def _do(self, effect: Any, opened: AsyncExitStack) -> Any:
        if self.http.is_closed and isinstance(effect, Exchange | Open):
            return ConfigurationError("this client is closed: make another one")
        try:
            match effect:
                case Exchange(call):
                    return _response(await self.http.request(**_request(call, self.http.timeout)))
                case Open(call):
                    streamed = self.http.stream(**_request(call, self.http.timeout))
                    response = await opened.enter_async_context(streamed)
                    if _is_stream(response):
                        return response.aiter_lines()
                    await response.aread()
                    return _no_stream(call, response)
                case Next(lines):
                    return await anext(lines, None)
                case Pause(seconds):
                    await asyncio.sleep(seconds)
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
            return _failure(error, self.http.base_url)


def _returned(flow: Flow[Any]) -> Stream[Any]:
    """Give the one value that a flow returns."""
    yield Give((yield from flow))


def _steps(stream: Stream[Any], retries: Retries) -> Generator[Any, Any, None]:
    """Yield what is to be done for a stream, each call as the exchanges that it takes.

    What comes of a step is sent in; a step that has failed gets its OrchestratorError.
    """
    outcome: Any = None
    while True:
        try:
            failed = isinstance(outcome, OrchestratorError)
            effect = stream.throw(outcome) if failed else stream.send(outcome)
        except StopIteration:
            return
        try:
            outcome = (yield from retries.make(effect)) if isinstance(effect, Call) else (yield effect)
        except OrchestratorError as error:
            outcome = error


def _request(call: Call[Any], timeout: httpx2.Timeout) -> dict[str, Any]:
    """Return what httpx2 makes a call of."""
    wanted: dict[str, Any] = {
        "method": call.method,
        "url": f"{call.prefix}{call.path}",
        "params": call.parameters,
        "headers": dict(call.headers),
    }
    if call.json is not None:
        wanted["json"] = call.json
    if call.content is not None:
        wanted["content"] = call.content
    if call.seconds is not None:
        parts = timeout.as_dict()
        wanted["timeout"] = httpx2.Timeout(**{**parts, "read": (parts["read"] or 0.0) + call.seconds})
    return wanted


def _response(answer: httpx2.Response) -> Response:
    return Response(answer.status_code, answer.headers, answer.content)


def _is_stream(answer: httpx2.Response) -> bool:
    return answer.status_code == 200 and answer.headers.get("content-type", "").startswith(
        "text/event-stream"
    )


def _no_stream(call: Call[Any], answer: httpx2.Response) -> OrchestratorError | None:
    """Return why a stream was not opened; None: there is nothing more to come."""
    try:
        read(call, _response(answer))
    except OrchestratorError as error:
        return error
    return None if answer.status_code == 204 else answer_error(406, "the API has no such stream")


def _failure(error: Exception, url: httpx2.URL) -> OrchestratorError:
    """Return the error of a call that got no answer. It does not quote headers, nor a password of the URL."""
    if isinstance(error, UnicodeError | httpx2.LocalProtocolError):
        return ConfigurationError("a name, a value, a key or a token has characters that can't be sent")
    words = str(error) or type(error).__name__
    if isinstance(error, httpx2.TimeoutException):
        words = "it did not answer in time"
    where = url.copy_with(userinfo=b"")
    return ConnectionFailed(f"{where}: {words}", sent=not isinstance(error, _NEVER_SENT))
