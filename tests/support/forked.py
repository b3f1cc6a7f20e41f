"""Runs the project's programs as forks of a process that has already imported what they need.

So they start at once. Each has an environment and signals of its own, as if it had been started by its name.
"""

import atexit
import io
import os
import runpy
import secrets
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import NamedTuple, Self

from app.api.v1 import endpoints
from stack.paths import ROOT
from tests.support.processes import die_with_parent

# The program itself is run anew each time; it is the imports that take time. Nothing here reads settings.
_IMPORTED = (
    "app.api.openapi",
    "app.cli.examination",
    "app.conformance.check",
    "app.console.app",
    "app.kafka.consumer",
    "app.services.requests.expire",
    "app.services.zones.members",
    "app.topics.dead_letters",
    *(f"app.api.v1.endpoints.{module.name}" for module in iter_modules(endpoints.__path__)),
    "app.services.events.publish",
    "app.services.webhooks.deliver",
    "app.services.zones.watch",
    "celery.apps.worker",
    "celery.concurrency.prefork",
    "celery.worker.worker",
    "jwt",
    "kombu.transport.redis",
    "redis.asyncio",
    "rich.table",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.ext.asyncio",
    "typer",
    "uvicorn.loops.uvloop",
    "uvicorn.main",
    "uvicorn.protocols.http.httptools_impl",
)
CONSUMER = ("run_consumer.py",)
CLI = ("-m", "app.cli")
API = ("-m", "uvicorn", "app.main:app", "--no-access-log")


class Forked:
    """A process that runs `python` with these arguments; its output goes to files."""

    def __init__(
        self, words: Sequence[str], env: Mapping[str, str], out: Path, err: Path | None = None
    ) -> None:
        self._out = out
        self._process = _start(words, {**os.environ, "LOG_FORMAT": "json", **env}, out, err or out)

    @property
    def output(self) -> str:
        """What it has written to `out` so far."""
        return self._out.read_text() if self._out.exists() else ""

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.is_alive()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid
        return self._process.pid

    def wait(self, limit: float = 60) -> int:
        """Wait for the end; return the exit status."""
        self._process.join(limit)
        assert self._process.exitcode is not None, f"not done within {limit:.0f} s:\n{self.output}"
        return self._process.exitcode

    def stop(self) -> int:
        """Send SIGTERM; return the exit status."""
        self.terminate()
        return self.wait()

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        self._process.kill()
        self._process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.kill()


class Ended(NamedTuple):
    """The exit status and the output of a process."""

    status: int
    out: str
    err: str


def run_in_fork(words: Sequence[str], env: Mapping[str, str], folder: Path) -> Ended:
    """Run `python` with these arguments until it ends, with its output in files of the folder."""
    out, err = (folder / f"{secrets.token_hex(4)}.{name}" for name in ("out", "err"))
    status = Forked(words, env, out, err).wait()
    return Ended(status, out.read_text(), err.read_text())


def _start(words: Sequence[str], env: Mapping[str, str], out: Path, err: Path) -> BaseProcess:
    context = get_context("forkserver")
    context.set_forkserver_preload(
        ["tests.support.ending_with_tests", "pytest", "tests.support.forked", *_IMPORTED]
    )
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
    atexit._clear()  # what is done at the end of who has forked this
    try:
        run_here(words)
    finally:
        atexit._run_exitfuncs()


def run_here(words: Sequence[str]) -> None:
    """Become `python` with these arguments: run what they name in this process."""
    if words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        exec(compile(words[1], "<string>", "exec"), vars(ModuleType("__main__")))
    elif words[0] == "-m":
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
