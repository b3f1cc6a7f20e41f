"""A stack whose API, worker and consumer are forks, as `forked` makes them: they need not import anything."""

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from stack.app import Api, AppProcess, Consumer, Worker
from stack.assembly import INFRASTRUCTURE
from stack.embedded import Stack
from tests.support.eventually import eventually
from tests.support.forked import Forked


class ForkedStack(Stack):
    """Like `Stack(…, app=True, durable=False)`, but nobody starts a process of the app that has ended."""

    def __init__(
        self,
        directory: Path,
        parts: Collection[str] = INFRASTRUCTURE,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(directory, parts, settings=settings, durable=False)
        self._parts: dict[str, AppProcess] = {}
        self._forks: dict[str, Forked] = {}
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            super().__enter__()
            opening.callback(super().__exit__, None, None, None)
            opening.callback(self._end_forks)
            parts = (Api(self.env, self.ports.api), Worker(self.env), Consumer(self.env))
            self._parts = {part.name: part for part in parts}
            ready = [self._launch(name) for name in self._parts]
            for each in ready:
                eventually(each)
            self._running = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._running.close()

    def start(self, name: str) -> None:
        """Start a part that was stopped or killed, and wait until it is ready."""
        if name in self._parts:
            eventually(self._launch(name))
        else:
            super().start(name)

    def stop(self, name: str) -> None:
        """Stop a part and leave it stopped."""
        if name in self._parts:
            self._forks[name].stop()
        else:
            super().stop(name)

    def kill(self, name: str) -> None:
        """Kill a part (SIGKILL) and leave it stopped."""
        if name in self._parts:
            self._forks[name].kill()
        else:
            super().kill(name)

    def pid(self, name: str) -> int | None:
        """Return the id of a part's process, or None while there is none."""
        if name not in self._parts:
            return super().pid(name)
        return self._forks[name].pid if self._forks[name].running else None

    def output(self, name: str) -> str:
        """Return what a part has printed."""
        return self._forks[name].output if name in self._parts else super().output(name)

    def _launch(self, name: str) -> partial[bool]:
        """Start a process of the app; return what tells whether it is ready."""
        part, log = self._parts[name], self.directory / f"{name}.log"
        before = log.read_text().count(part.announcement) if log.exists() else 0
        fork = self._forks[name] = Forked([str(word) for word in part.command()[1:]], part.environment(), log)
        return partial(_is_ready, part, fork, before)

    def _end_forks(self) -> None:
        running = [each for each in self._forks.values() if each.running]
        for each in running:
            each.terminate()
        for each in running:
            each.wait()


def _is_ready(part: AppProcess, fork: Forked, before: int) -> bool:
    assert fork.running, fork.output[-4000:]
    if part.announcement:
        return fork.output.count(part.announcement) > before
    return part.ready()
