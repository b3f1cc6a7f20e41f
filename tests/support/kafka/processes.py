"""Processes of the project that a Kafka test runs: the API, and any other program."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx2

from stack.paths import ROOT
from tests.support import http
from tests.support.eventually import eventually
from tests.support.forked import API, Forked
from tests.support.free_port import free_port
from tests.support.processes import die_with_parent


class Program:
    """A process whose output goes to a file."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path, cwd: Path = ROOT) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=cwd,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "LOG_FORMAT": "json", **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    @property
    def output(self) -> str:
        """What it has written so far, to both outputs."""
        return self._log.read_text()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def most_memory(self) -> int:
        """Its largest resident memory so far, in bytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def stop(self) -> int:
        """Send SIGTERM; return the exit status."""
        self.terminate()
        return self.wait()

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def wait(self, limit: float = 60) -> int:
        """Wait for the end; return the exit status."""
        return self._process.wait(limit)

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.kill()


class Api:
    """The real API on a port and a database of its own."""

    def __init__(self, env: Mapping[str, str], directory: Path) -> None:
        self.port = free_port()
        self._env = env
        self._directory = directory
        self._program: Forked | None = None

    @property
    def url(self) -> str:
        """What goes into `API_URL`."""
        return f"http://127.0.0.1:{self.port}/api/v1/dns/create"

    def start(self) -> None:
        """Run uvicorn and wait until it answers."""
        log = self._directory / f"api-{self.port}.log"
        self._program = Forked((*API, "--port", str(self.port)), self._env, log)
        eventually(self._healthy)

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self._program is not None:
            self._program.stop()
            self._program = None

    def requests(self, account: str) -> list[dict[str, Any]]:
        """The account's requests, oldest first."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get("dns/requests", {"account_id": account, "limit": "1000", **cursor})
            found += page["items"]
            if page["next_cursor"] is None:
                return found[::-1]
            cursor = {"cursor": page["next_cursor"]}

    def get(self, path: str, params: Mapping[str, str]) -> Any:
        """The answer to a GET, as JSON."""
        answer = http.get(f"http://127.0.0.1:{self.port}/api/v1/{path}", params=dict(params))
        answer.raise_for_status()
        return answer.json()

    def add_zone(self, name: str) -> None:
        """Let the API serve one more zone."""
        url = f"http://127.0.0.1:{self.port}/api/v1/zones"
        http.post(url, json={"name": name, "backend": "bind"}).raise_for_status()

    def _healthy(self) -> bool:
        assert self._program is not None
        assert self._program.running, self._program.output
        try:
            return http.get(f"http://127.0.0.1:{self.port}/healthz").is_success
        except httpx2.TransportError:
            return False
