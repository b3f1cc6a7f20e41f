"""The processor time that a service takes."""

from contextlib import suppress

import psutil


def processor_time(process: psutil.Process) -> float:
    """Return the seconds that a process and those below it have taken, and those that have ended."""
    below = sum(own for child in process.children(recursive=True) for own in _times(child))
    return below + sum(_times(process))


def _times(process: psutil.Process) -> list[float]:
    """Return what a process and its children that have ended have taken; nothing if it has ended itself."""
    with suppress(psutil.NoSuchProcess):
        taken = process.cpu_times()
        return [taken.user, taken.system, taken.children_user, taken.children_system]
    return []
