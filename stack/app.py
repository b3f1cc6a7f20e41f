"""The app's own processes, as `make up` runs them."""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

from stack.part import Part


class AppProcess(Part):
    """One process of the app. It gets the stack's settings through its environment."""

    stop_timeout = 35.0  # it ends by itself within 30 s

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings

    def environment(self) -> Mapping[str, str]:
        """Return this process's environment with the stack's settings."""
        return {**os.environ, **self._settings, "PYTHONUNBUFFERED": "1"}


class Api(AppProcess):
    """The HTTP API."""

    name = "api"
    listeners = ("api",)

    def __init__(self, settings: Mapping[str, str], port: int) -> None:
        super().__init__(settings)
        self._port = port

    def command(self) -> Sequence[str]:
        """Run `uvicorn app.main:app`."""
        return [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(self._port)]

    def ready(self) -> bool:
        """Whether it answers `GET /healthz`."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/healthz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


class Worker(AppProcess):
    """The Celery worker that drains zones."""

    name = "worker"
    announcement = " ready."  # `celery@host ready.`, once it is connected

    def command(self) -> Sequence[str]:
        """Run `celery worker` with two processes."""
        celery = [sys.executable, "-m", "celery", "-A", "app.tasks", "worker"]
        # There are no other workers to look for, which would take a second.
        alone = ["--without-mingle", "--without-gossip"]
        return [*celery, "--loglevel=info", "-Q", "dns_tasks", "--concurrency=2", *alone]


class Consumer(AppProcess):
    """The Kafka consumer."""

    name = "consumer"

    def command(self) -> Sequence[str]:
        """Run `run_consumer.py`."""
        return [sys.executable, "run_consumer.py"]

    def ready(self) -> bool:
        """Return True: it waits for the API and the broker by itself."""
        return True
