"""Bounds the body of every request, in bytes and in seconds."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from fastapi import HTTPException
from starlette.types import Message, Receive

_CHECK_INTERVAL = 0.5  # seconds
_CLOSE = {"Connection": "close"}  # the rest of the body is not worth waiting for


class BodyLimits:
    """A body that is too large is answered 413, one that does not come in time 408.

    `by_path` holds the limits of the paths that take more bytes than `default`, `by_end` those of the paths
    that end so. `together` bounds the bytes
    of all bodies that still come: when it is reached, the one that has been coming for longest is given
    up, so that slow ones never keep others out. The answer is given where the call reads its body, by the
    handlers of errors.
    """

    def __init__(
        self,
        default: int,
        by_path: Mapping[str, int],
        by_end: Mapping[str, int],
        together: int,
        seconds: float,
    ) -> None:
        self._default = default
        self._by_path = by_path
        self._by_end = by_end
        self._watchdog = _Watchdog(seconds, together)

    def bound(self, path: str, receive: Receive) -> "BoundedBody":
        """Return the body of a call to this path, which `receive` reads."""
        limit = self._by_path.get(path) or self._limit_by_end(path)
        return BoundedBody(receive, limit, self._watchdog)

    def _limit_by_end(self, path: str) -> int:
        return next((most for end, most in self._by_end.items() if path.endswith(end)), self._default)


class BoundedBody:
    """The body of a call, within limits."""

    __slots__ = ("_begun", "_complete", "_deadline", "_left", "_limit", "_receive", "_watchdog")

    def __init__(self, receive: Receive, limit: int, watchdog: "_Watchdog") -> None:
        self._receive = receive
        self._limit = self._left = limit
        self._watchdog = watchdog
        self._deadline = 0.0  # not set yet
        self._begun = False  # a part has come, and others are to follow
        self._complete = False

    async def receive(self) -> Message:
        """Return the next part. Raises HTTPException 413, 408."""
        if self._complete:  # what comes now is the client's disconnection, at any time
            return await self._receive()
        self._deadline = self._watchdog.watch(self._deadline)
        try:
            message = await self._receive()
        except asyncio.CancelledError:
            self._watchdog.raise_if_interrupted()
            raise
        finally:
            self._watchdog.unwatch()
        size = len(message.get("body", b""))
        self._left -= size
        if self._left < 0:
            raise HTTPException(413, f"the body is larger than {self._limit} bytes", _CLOSE)
        self._complete = not message.get("more_body", False)
        if not self._complete:
            self._begun = True
            self._watchdog.keep(self, size)
        elif self._begun:
            self.forget()
        return message

    def forget(self) -> None:
        """Count no bytes any more: the call is over, or has the whole body."""
        if self._begun:
            self._begun = False
            self._watchdog.drop(self)


@dataclass
class _Kept:
    task: asyncio.Task[Any] | None
    size: int = 0  # bytes


class _Watchdog:
    """Interrupts tasks that wait too long for a part of a body.

    One timer looks after all of them: to start and stop one for each part takes longer than to read a body.
    """

    def __init__(self, seconds: float, together: int) -> None:
        self._seconds = seconds
        self._room = together  # bytes
        self._kept: dict[BoundedBody, _Kept] = {}  # the bodies of which parts have come, the oldest first
        self._deadlines: dict[asyncio.Task[Any] | None, float] = {}  # of the tasks that wait
        self._interrupted: dict[asyncio.Task[Any], str] = {}  # and why
        self._timed: WeakSet[asyncio.AbstractEventLoop] = WeakSet()  # the loops that have a timer

    def watch(self, deadline: float) -> float:
        """Watch over the current task; return its deadline, which begins now unless it is set."""
        loop = asyncio.get_running_loop()
        self._deadlines[asyncio.current_task()] = deadline = deadline or loop.time() + self._seconds
        if loop not in self._timed:
            self._start_timer(loop)
        return deadline

    def unwatch(self) -> None:
        """Leave the current task alone from now on."""
        del self._deadlines[asyncio.current_task()]

    def raise_if_interrupted(self) -> None:
        """Raise HTTPException 408 when the watchdog has cancelled the current task."""
        task = asyncio.current_task()
        if task is not None and task in self._interrupted:
            why = self._interrupted.pop(task)
            if task.uncancel() == 0:  # nobody else has cancelled it, too
                raise HTTPException(408, why, _CLOSE)

    def keep(self, body: "BoundedBody", size: int) -> None:
        """Note that `size` more bytes of a body have come; make room for them."""
        kept = self._kept.setdefault(body, _Kept(asyncio.current_task()))
        kept.size += size
        self._room -= size
        if self._room < 0:
            for other in [other for other in self._kept.values() if other.task in self._deadlines]:
                self._interrupt(other.task, "the body came slowly, and others need the memory")
                self._room += other.size
                other.size = 0
                if self._room >= 0:
                    break

    def drop(self, body: "BoundedBody") -> None:
        """Note that the bytes of a body are not held any more."""
        self._room += self._kept.pop(body).size

    def _interrupt(self, task: asyncio.Task[Any] | None, why: str) -> None:
        if task is not None and task not in self._interrupted and task.cancel():
            self._interrupted[task] = why

    def _start_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timed.add(loop)
        loop.call_later(_CHECK_INTERVAL, self._interrupt_overdue, loop)

    def _interrupt_overdue(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timed.discard(loop)
        waiting = {task: until for task, until in self._deadlines.items() if task and task.get_loop() is loop}
        for task, deadline in waiting.items():
            if deadline < loop.time():
                self._interrupt(task, f"the body was not complete after {self._seconds:g} s")
        if waiting:
            self._start_timer(loop)
