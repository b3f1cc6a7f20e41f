"""Processes whose parents have died: they become this process's children, and so are seen."""

import ctypes
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import psutil

_libc = ctypes.CDLL(None)
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


class Orphans:
    """Adopts orphans for the block of a `with`. `own` returns the numbers of children that are none."""

    def __init__(self, own: Callable[[], Collection[int]]) -> None:
        self._own = own

    def __enter__(self) -> Self:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        kill_each(self.find())
        self.find()
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 0)

    def find(self) -> Sequence[psutil.Process]:
        """Return the orphans that run, and what they have started; collect those that have ended."""
        own = self._own()
        found: list[psutil.Process] = []
        for child in psutil.Process().children():
            with suppress(psutil.NoSuchProcess):
                if child.pid in own:
                    continue
                if child.status() == psutil.STATUS_ZOMBIE:
                    with suppress(ChildProcessError):
                        os.waitpid(child.pid, os.WNOHANG)
                    continue
                found += [child, *child.children(recursive=True)]
        return found


def kill_each(processes: Iterable[psutil.Process]) -> None:
    """Kill processes, of which some may have ended meanwhile: by the death of others, say."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
