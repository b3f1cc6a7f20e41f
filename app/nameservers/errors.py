"""The error of a server that can't be asked; it never leaves this folder, where answers say so instead."""

from app.domain.server import Server


class ServerUnreachable(Exception):
    """The server can't be reached, closed the connection, or did not respond in time."""

    def __init__(self, server: Server, why: str) -> None:
        super().__init__(server, why)
        self.server = server
        self.why = why

    def __str__(self) -> str:
        return f"{self.server}: {self.why}"
