"""The command line that `ps`, `pgrep` and /proc/PID/cmdline show for this process.

A fork would keep that of its parent. The library setproctitle (1.3.8) can't be used: it shows one string
instead of separate arguments (it refuses null characters), and also changes the process's name (comm).
"""

import ctypes
import os
from collections.abc import Sequence

PADDING = " " * 4096  # given as a last argument, leaves room for a longer command line: it can't grow


def set_title(argv: Sequence[str]) -> None:
    """Show these arguments, cut to the room there is. Does nothing where /proc does not tell the place."""
    try:
        start, end = _command_line()
    except (OSError, IndexError, ValueError):
        return
    data = b"\0".join(os.fsencode(argument) for argument in argv)[: end - start - 1]
    ctypes.memmove(start, data.ljust(end - start, b"\0"), end - start)


def _command_line() -> tuple[int, int]:
    """Return where the kernel reads the command line in memory: arg_start and arg_end, proc_pid_stat(5)."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    if not 0 < start < end:
        raise ValueError("the kernel does not tell the place")
    return start, end
