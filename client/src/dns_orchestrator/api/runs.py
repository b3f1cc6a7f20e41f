"""What Ansible was executed for, and how that ended."""

from typing import Literal

from dns_orchestrator.call import Call, Group, Mode, Stream, call, pages, part, stream
from dns_orchestrator.models.base import Page
from dns_orchestrator.models.runs import Run, RunDetail


class Runs(Group[Mode]):
    """`client.runs`."""

    @stream
    def list(
        self,
        *,
        zone: str | None = None,
        backend: str | None = None,
        status: Literal["running", "well", "failed"] | None = None,
        page_size: int = 20,
    ) -> Stream[Run]:
        """Give runs, the newest first."""
        query = {"zone": zone, "backend": backend, "status": status, "limit": page_size}
        return pages(Call("GET", "/runs", Page[Run], query=query))

    @call
    def get(self, run_id: str) -> Call[RunDetail]:
        """Return a run with the end of what it said."""
        return Call("GET", f"/runs/{part(run_id)}", RunDetail)
