"""What can go wrong with a server as a whole."""

from app.domain.server import Server


class ServerUnreachable(Exception):
    """The server can't be reached, hung up, or did not answer in time."""

    def __init__(self, server: Server, why: str) -> None:
        super().__init__(server, why)
        self.server = server
        self.why = why

    def __str__(self) -> str:
        return f"{self.server}: {self.why}"
