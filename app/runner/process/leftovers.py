"""Ends what a run leaves behind when its reaper has been killed, which would have ended it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_TIMEOUT = 10.0  # seconds of sending SIGKILL, after which a process that does not end is left alone
_PAUSE = 0.01  # seconds between two looks


def kill_processes_of(folder: str) -> None:
    """Kill every process that has the run's own folder in its command line or its environment.

    Ansible and its workers have it in the first, what they start has it as TMPDIR in the second.
    """
    until = time.monotonic() + _TIMEOUT
    while (found := list(_processes_with(os.fsencode(folder)))) and time.monotonic() < until:
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE)


def _processes_with(text: bytes) -> Iterator[int]:
    """Yield the processes that show the text, but for this one and those that have ended (zombies)."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            for file in ("cmdline", "environ"):
                with suppress(OSError):
                    if text in (process / file).read_bytes():
                        yield int(process.name)
                        break
