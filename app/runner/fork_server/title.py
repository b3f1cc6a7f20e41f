"""What `ps` shows of this process: a fork would otherwise keep the command line of its parent."""

import ctypes
import os
from collections.abc import Sequence

ROOM = " " * 4096  # as a last argument: makes the command line long enough to be written over


def set_title(words: Sequence[str]) -> None:
    """Show these words as the command line, cut to the room there is; without /proc nothing happens."""
    try:
        start, end = _command_line()
    except (OSError, IndexError, ValueError):
        return
    text = b"\0".join(os.fsencode(word) for word in words)[: end - start - 1]
    ctypes.memmove(start, text.ljust(end - start, b"\0"), end - start)


def _command_line() -> tuple[int, int]:
    """Return where in memory the kernel reads the command line: arg_start and arg_end, proc_pid_stat(5)."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    if not 0 < start < end:
        raise ValueError("the kernel does not say")
    return start, end
