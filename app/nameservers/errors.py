"""The errors of a server that can't be asked; they never leave this folder, where answers say so instead."""

from typing import ClassVar

from app.domain.server import Server


class ServerUnreachable(Exception):
    """The server can't be reached, closed the connection, or did not respond in time."""

    code: ClassVar[str] = "server_unreachable"

    def __init__(self, server: Server, why: str) -> None:
        super().__init__(server, why)
        self.server = server
        self.why = why

    def __str__(self) -> str:
        return f"{self.server}: {self.why}"


class NoTicket(ServerUnreachable):
    """No KDC gives a ticket for the server; `detail` has what is not for requesters."""

    code = "kdc_unreachable"

    def __init__(self, server: Server, detail: str) -> None:
        super().__init__(server, "no KDC gives a ticket for it")
        self.detail = detail

    def __str__(self) -> str:
        return f"{super().__str__()}: {self.detail}"
