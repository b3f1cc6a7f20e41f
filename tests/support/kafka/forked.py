"""The project's programs, forked from a process that has imported what they need, so that they start fast.

Each is a process with its own environment and signals, as if it were started from the command line.
"""

import io
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Self

from stack.paths import ROOT
from tests.support.kafka.processes import die_with_parent

# Importing these is what makes a start slow; the programs themselves are run anew each time.
_IMPORTED = (
    "app.kafka.consumer",
    "app.kafka.dlq.replay",
    "app.conformance.check",
    "typer",
    "rich.table",
)
CONSUMER = ("run_consumer.py",)
CLI = ("-m", "app.cli")


class Forked:
    """`python` with these arguments; its output goes to files."""

    def __init__(
        self, words: Sequence[str], env: Mapping[str, str], out: Path, err: Path | None = None
    ) -> None:
        self._out = out
        self._process = _start(words, {**os.environ, "LOG_FORMAT": "json", **env}, out, err or out)

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self._out.read_text() if self._out.exists() else ""

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._process.is_alive()

    def wait(self, limit: float = 60) -> int:
        """The exit status, once it has ended."""
        self._process.join(limit)
        assert self._process.exitcode is not None, f"not done within {limit:.0f} s:\n{self.output}"
        return self._process.exitcode

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self._process.terminate()
        return self.wait()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.kill()


def _start(words: Sequence[str], env: Mapping[str, str], out: Path, err: Path) -> BaseProcess:
    context = get_context("forkserver")
    context.set_forkserver_preload(["pytest", "tests.support.kafka.forked", *_IMPORTED])
    process = context.Process(target=_become, args=(list(words), dict(env), out, err), daemon=True)
    process.start()
    return process


def _become(words: Sequence[str], env: Mapping[str, str], out: Path, err: Path) -> None:
    os.setsid()
    die_with_parent()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(env)
    _write_to(sys.stdout, out)
    _write_to(sys.stderr, err)
    if words[0] == "-m":
        sys.argv = list(words[1:])
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(words)
        runpy.run_path(words[0], run_name="__main__")


def _write_to(stream: object, path: Path) -> None:
    assert isinstance(stream, io.TextIOWrapper)
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(target, stream.fileno())
    os.close(target)
    stream.reconfigure(line_buffering=True)
