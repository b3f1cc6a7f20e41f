"""The service itself."""

from dns_orchestrator.call import Call, Group, Mode, call
from dns_orchestrator.models.service import Readiness, Stats


class Service(Group[Mode]):
    """`client.service`."""

    @call
    def alive(self) -> Call[None]:
        """Ask whether the API's process is alive."""
        return Call("GET", "/healthz", type(None), prefix="")

    @call
    def ready(self) -> Call[Readiness]:
        """Return whether the service can accept requests, and what is missing."""
        return Call("GET", "/readyz", Readiness, prefix="", accepts=(503,))

    @call
    def stats(self, *, hours: int | None = None) -> Call[Stats]:
        """Return the figures of the service, or of the caller's accounts."""
        return Call("GET", "/stats", Stats, query={"hours": hours})
