"""Starts a fork server and waits until it has loaded Ansible."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event

from app.runner.fork_server.protocol import ENTRY, ServerOptions
from app.runner.fork_server.title import PADDING
from app.runner.process.client import CHECK_INTERVAL, StartAborted

START_TIMEOUT = 30.0  # seconds for Ansible to be loaded


class StartFailed(Exception):
    """The fork server could not be started; the text says why."""


def launch(options: ServerOptions, environment: Mapping[str, str], cancel: Event) -> None:
    """Start a fork server. Raises StartFailed, OSError; StartAborted when cancelled."""
    if sys.platform != "linux":
        raise StartFailed("a fork server needs Linux")
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as report:
        with open(writing, "wb", buffering=0):
            try:
                _start_process(options, environment, writing)
            except subprocess.TimeoutExpired as error:
                raise StartFailed(
                    f"the fork server's process had not started after {START_TIMEOUT:g} s"
                ) from error
        _check_report(_read_all(report.fileno(), cancel))


def _start_process(options: ServerOptions, environment: Mapping[str, str], report: int) -> None:
    """Start the process. Only its first half is waited for, which forks the server and ends at once."""
    folder = str(Path(options.socket).parent)
    subprocess.run(  # noqa: S603
        [sys.executable, ENTRY, "server", json.dumps(options._asdict()), str(report), PADDING],
        env={**environment, "ANSIBLE_LOCAL_TEMP": folder, "TMPDIR": folder},
        cwd=options.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[report],
        start_new_session=True,
        timeout=START_TIMEOUT,
        check=False,
    )


def _read_all(report: int, cancel: Event) -> bytes:
    """Return what the server writes until it closes its end."""
    deadline = time.monotonic() + START_TIMEOUT
    data = b""
    while time.monotonic() < deadline:
        if not select.select([report], [], [], CHECK_INTERVAL)[0]:
            if cancel.is_set():
                raise StartAborted("cancelled")
            continue
        chunk = os.read(report, 65536)
        if not chunk:
            return data
        data += chunk
    raise StartFailed(f"the fork server had not loaded Ansible after {START_TIMEOUT:g} s")


def _check_report(data: bytes) -> None:
    """Read the server's report: an error, with what Ansible wrote before it, or that the server is ready."""
    try:
        report = json.loads(data)
    except ValueError:
        raise StartFailed("the fork server's process ended before it reported whether it is ready") from None
    if report["error"]:
        raise StartFailed(" ".join(f"{report['error']} {report['output']}".split()))
