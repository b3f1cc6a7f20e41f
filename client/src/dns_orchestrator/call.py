"""How a call is defined once and made by both clients.

A method of a group of calls describes what to do, and does nothing itself: it returns a `Call`, or is a
generator that yields what has to be done outside (`Effect`: a call, a pause, a stream to follow) and gets
what came of it. `Client` does that and blocks; `AsyncClient` does the same and awaits. So each group is
written once, and `client.requests.get(id)` is a Request to one, and an awaitable of one to the other.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeAlias, TypeVar, overload
from urllib.parse import quote
from uuid import UUID

API = "/api/v1"

Answer = TypeVar("Answer")
Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """A call of the API: what is sent, and what is made of the answer.

    `repeatable` says that to make it twice does no more than to make it once; only such a call is made again
    where the API may have got the first one.
    """

    method: str
    path: str
    answer: type[Answer]
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    seconds: float | None = None  # that the answer may take on top of the client's timeout
    prefix: str = API
    accepts: tuple[int, ...] = ()  # statuses that are an answer to this call, and no error

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The query: what is None is left out."""
        return {name: _parameter(value) for name, value in self.query.items() if value is not None}

    def with_query(self, **more: Any) -> Self:
        """Return the same call with more parameters."""
        return replace(self, query={**self.query, **more})


@dataclass(frozen=True)
class Response:
    """What the API has answered to a call."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True)
class Exchange:
    """A call is to be made, once; a `Response` comes of it."""

    call: Call[Any]


@dataclass(frozen=True)
class Pause:
    """Nothing is to be done for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Open:
    """A stream of server-sent events is to be opened. Its lines come of it; None where none are to come."""

    call: Call[Any]


@dataclass(frozen=True)
class Next:
    """The next line of an open stream is wanted; None comes of it where the stream has ended."""

    lines: Any


@dataclass(frozen=True)
class Give(Generic[Value]):
    """The next value for whoever iterates."""

    value: Value


Effect: TypeAlias = Call[Any] | Pause | Open | Next
Flow: TypeAlias = Generator[Effect, Any, Value]
Stream: TypeAlias = Generator[Effect | Give[Value], Any, None]


class Blocking:
    """Marks the groups of `Client`."""


class Awaiting:
    """Marks the groups of `AsyncClient`."""


Mode = TypeVar("Mode", Blocking, Awaiting)


class Driver(Protocol):
    """Does what flows want done."""

    def run(self, flow: Flow[Any]) -> Any:
        """Return what the flow returns, or an awaitable of that."""
        ...

    def iterate(self, stream: Stream[Any]) -> Any:
        """Return an iterator of what the stream gives, an asynchronous one where the client is so."""
        ...


class Group(Generic[Mode]):
    """Calls that belong together."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver


class call(Generic[Arguments, Answer]):  # noqa: N801 - a decorator
    """A method that returns the one call that it is."""

    def __init__(self, define: Callable[Concatenate[Any, Arguments], Call[Answer]]) -> None:
        self.define = define
        self.__doc__ = define.__doc__

    @overload
    def __get__(self, group: None, owner: type) -> Self: ...
    @overload
    def __get__(self, group: Group[Blocking], owner: type) -> Callable[Arguments, Answer]: ...
    @overload
    def __get__(self, group: Group[Awaiting], owner: type) -> Callable[Arguments, Awaitable[Answer]]: ...
    def __get__(self, group: Group[Any] | None, owner: type) -> Any:
        if group is None:
            return self
        define = self.define.__get__(group)
        return wraps(self.define)(lambda *args, **kwargs: group.driver.run(once(define(*args, **kwargs))))


class flow(Generic[Arguments, Answer]):  # noqa: N801 - a decorator
    """A method that makes several calls, one after the other."""

    def __init__(self, define: Callable[Concatenate[Any, Arguments], Flow[Answer]]) -> None:
        self.define = define
        self.__doc__ = define.__doc__

    @overload
    def __get__(self, group: None, owner: type) -> Self: ...
    @overload
    def __get__(self, group: Group[Blocking], owner: type) -> Callable[Arguments, Answer]: ...
    @overload
    def __get__(self, group: Group[Awaiting], owner: type) -> Callable[Arguments, Awaitable[Answer]]: ...
    def __get__(self, group: Group[Any] | None, owner: type) -> Any:
        if group is None:
            return self
        define = self.define.__get__(group)
        return wraps(self.define)(lambda *args, **kwargs: group.driver.run(define(*args, **kwargs)))


class stream(Generic[Arguments, Value]):  # noqa: N801 - a decorator
    """A method that gives one value after the other."""

    def __init__(self, define: Callable[Concatenate[Any, Arguments], Stream[Value]]) -> None:
        self.define = define
        self.__doc__ = define.__doc__

    @overload
    def __get__(self, group: None, owner: type) -> Self: ...
    @overload
    def __get__(self, group: Group[Blocking], owner: type) -> Callable[Arguments, Iterator[Value]]: ...
    @overload
    def __get__(self, group: Group[Awaiting], owner: type) -> Callable[Arguments, AsyncIterator[Value]]: ...
    def __get__(self, group: Group[Any] | None, owner: type) -> Any:
        if group is None:
            return self
        define = self.define.__get__(group)
        return wraps(self.define)(lambda *args, **kwargs: group.driver.iterate(define(*args, **kwargs)))


def once(wanted: Call[Answer]) -> Flow[Answer]:
    """Make one call, and return its answer."""
    answer: Answer = yield wanted
    return answer


def pages(wanted: Call[Any]) -> Stream[Any]:
    """Give the items of a list, page after page."""
    cursor = None
    while True:
        page = yield wanted.with_query(cursor=cursor)
        for item in page.items:
            yield Give(item)
        cursor = page.next_cursor
        if cursor is None:
            return


def all_items(wanted: Call[Any]) -> Flow[list[Any]]:
    """Return the items of a list, of all its pages."""
    items: list[Any] = []
    cursor = None
    while True:
        page = yield wanted.with_query(cursor=cursor)
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            return items


def given(**fields: Any) -> dict[str, Any]:
    """Return the object of a body: what is None is left out, times and ids are text."""
    return {name: _plain(value) for name, value in fields.items() if value is not None}


def part(text: object) -> str:
    """Return a name as a part of a path. Zones have `@`, and may have `/` (RFC 2317)."""
    steps = quote(str(text), safe="/@").split("/")
    return "/".join(step.replace(".", "%2E") if step in (".", "..") else step for step in steps)


def _parameter(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
