"""A part of the stack: one program, how to start it, and how to tell that it is ready."""

import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from stack.errors import Unavailable
from stack.paths import ROOT


class Part:
    """One program. Its methods may block: the supervisor calls them in a thread."""

    name: str
    replaced_by = ""  # the environment variable by which a user names a server to use instead
    listeners: Sequence[str] = ()  # the ports that it listens on: names of fields of `Ports`
    announcement = ""  # what it prints once it is ready, unless `ready` finds that out in another way
    announced = False  # whether it has printed that
    stop_signal = signal.SIGTERM
    death_signal = signal.SIGKILL  # what the kernel sends it when the supervisor dies
    start_timeout = 120.0  # seconds within which it must be ready
    stop_timeout = 10.0  # seconds after the stop signal until it is killed

    def prepare(self) -> None:
        """Do what is necessary before each start: create directories, write the configuration."""

    def command(self) -> Sequence[str | Path]:
        """Return the program and its arguments."""
        raise NotImplementedError

    def privileges(self) -> Sequence[str]:
        """Return options of `setpriv` that reduce the program's privileges."""
        return ()

    def environment(self) -> Mapping[str, str]:
        """Return all of the program's environment."""
        return os.environ

    def directory(self) -> Path:
        """Return the program's working directory."""
        return ROOT

    def note_output(self, line: str) -> None:
        """Take note of a line that the program has printed."""
        self.announced |= self.announcement in line

    def ready(self) -> bool:
        """Whether the program can be used now."""
        return self.announced

    def complete(self) -> None:
        """Do what is necessary after each start, once the program is ready: create topics, databases."""

    def settings(self) -> Mapping[str, str]:
        """Return the environment variables by which the app finds the program."""
        return {}


def launcher(part: Part) -> list[str]:
    """Return the command that goes in front of the part's own.

    It lowers the privileges, and makes the kernel end the program when the supervisor dies.
    """
    if not sys.platform.startswith("linux") or not shutil.which("setpriv"):
        return []
    death_signal = part.death_signal.name.removeprefix("SIG")
    return ["setpriv", *part.privileges(), "--pdeathsig", death_signal, "--"]


def program(package: str, pattern: str) -> Path:
    """Return the path of a program that an installed Python package contains. Raises Unavailable."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    for found in (path for folder in folders or () for path in Path(folder).glob(pattern)):
        return found
    raise Unavailable(f"{package} is not installed, or has no program for this platform: run `make venv`.")
