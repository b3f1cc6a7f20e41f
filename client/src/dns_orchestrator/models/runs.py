"""Runs: executions of Ansible."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from dns_orchestrator.models.base import Model


class Run(Model):
    """An execution of Ansible for a batch of changes of one zone."""

    id: UUID
    zone: str
    backend: str
    status: str
    changes: int
    started_at: datetime
    finished_at: datetime | None = None
    rc: int | None = None
    why: str | None = None


class RunLine(Model):
    """A line that a run said; one that is about one request names it."""

    at: datetime
    message: str
    request_id: UUID | None = None


class RunDetail(Run):
    """A run with the end of what it said."""

    stats: Mapping[str, Any] | None = None
    output: str | None = None
    log: list[RunLine]
