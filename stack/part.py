"""What a part of the stack is: one program, how to start it, and how to tell that it is ready."""

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
    replaced_by = ""  # the environment variable that names one which runs elsewhere
    listeners: Sequence[str] = ()  # the ports that it listens on, by name
    announcement = ""  # what it writes once it is ready, when that is how to tell
    announced = False
    stop_signal = signal.SIGTERM
    death_signal = signal.SIGKILL  # what it gets from the kernel when the supervisor dies
    patience = 120.0  # seconds until it must be ready
    grace = 10.0  # seconds from the stop signal until it is killed

    def prepare(self) -> None:
        """Do what must be done before each start: directories, configuration."""

    def command(self) -> Sequence[str | Path]:
        """The program and its arguments."""
        raise NotImplementedError

    def privileges(self) -> Sequence[str]:
        """Options of `setpriv` that lower what the program may do."""
        return ()

    def environment(self) -> Mapping[str, str]:
        """The program's whole environment."""
        return os.environ

    def directory(self) -> Path:
        """The directory that the program runs in."""
        return ROOT

    def heard(self, line: str) -> None:
        """Take note of a line that the program wrote."""
        self.announced |= self.announcement in line

    def ready(self) -> bool:
        """Whether it does its work now."""
        return self.announced

    def complete(self) -> None:
        """Do what must be done after each start, once it is ready: topics, databases."""

    def settings(self) -> Mapping[str, str]:
        """The environment variables by which others find it."""
        return {}


def launcher(part: Part) -> list[str]:
    """The words before the command that bind its life to the supervisor's and lower its privileges."""
    if not sys.platform.startswith("linux") or not shutil.which("setpriv"):
        return []
    death_signal = part.death_signal.name.removeprefix("SIG")
    return ["setpriv", *part.privileges(), "--pdeathsig", death_signal, "--"]


def program(package: str, pattern: str) -> Path:
    """A program that an installed Python package carries. Raises `Unavailable`."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    for found in (path for folder in folders or () for path in Path(folder).glob(pattern)):
        return found
    raise Unavailable(f"{package} is not installed, or not made for this platform: run `make venv`.")
