"""Starts a fork server and waits until it is ready."""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

from app.runner.fork_server.protocol import ServerOrder
from app.runner.fork_server.title import ROOM
from app.runner.process.client import TICK, NotStarted
from app.runner.process.fingerprint import Configuration

PATIENCE = 30.0  # seconds for Ansible to be loaded


class Failed(Exception):
    """No server can be had; the text says why."""


def launch(order: ServerOrder, configuration: Configuration, cancel: Event) -> None:
    """Start a server for a configuration. Raises Failed, NotStarted when cancelled, OSError."""
    if sys.platform != "linux":
        raise Failed("it needs Linux")
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as answer:
        with open(writing, "wb", buffering=0):
            _start({**order, "ready": writing}, configuration)
        text = _read_all(answer.fileno(), cancel)
    _judge(text)


def _start(order: ServerOrder, configuration: Configuration) -> None:
    """Start the process; what is waited for is only its parent, which ends at once."""
    command = [sys.executable, "-m", "fork_server", json.dumps(order), ROOM]
    folder = str(Path(order["socket"]).parent)
    subprocess.run(  # noqa: S603
        command,
        env={**configuration.shared, "ANSIBLE_LOCAL_TEMP": folder, "TMPDIR": folder},
        cwd=Path(__file__).parents[1],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[order["ready"]],
        start_new_session=True,
        timeout=PATIENCE,
        check=False,
    )


def _read_all(answer: int, cancel: Event) -> bytes:
    until = time.monotonic() + PATIENCE
    text = b""
    while time.monotonic() < until:
        if not select.select([answer], [], [], TICK)[0]:
            if cancel.is_set():
                raise NotStarted("cancelled")
            continue
        piece = os.read(answer, 65536)
        if not piece:
            return text
        text += piece
    raise Failed(f"it was not ready after {PATIENCE:g} s")


def _judge(text: bytes) -> None:
    try:
        word = json.loads(text)
    except ValueError:
        raise Failed("it ended without a word") from None
    if word["failed"]:
        raise Failed(" ".join(f"{word['failed']} {word['said']}".split()))
