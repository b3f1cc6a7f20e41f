"""The shapes of what is answered about runs."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field


class RunOut(BaseModel):
    """An execution of Ansible for a batch of changes of one zone."""

    id: UUID
    zone: str
    backend: str
    status: Literal["running", "well", "failed"]
    changes: Annotated[int, Field(description="how many it was given")]
    started_at: datetime
    finished_at: datetime | None
    rc: Annotated[int | None, Field(description="the exit status")]
    why: Annotated[
        str | None, Field(description="timeout, cancelled or lost, where it did not end by itself")
    ]


class RunPage(BaseModel):
    """Runs, the newest first."""

    items: list[RunOut]
    next_cursor: str | None


class RunLineOut(BaseModel):
    """A line that a run said."""

    at: datetime
    message: str
    request_id: Annotated[UUID | None, Field(description="which it is about; null: all of the run")]


class RunDetailOut(RunOut):
    """A run with the end of what it said."""

    stats: Annotated[dict[str, Any] | None, Field(description="by host, as Ansible counts")]
    output: str | None
    log: list[RunLineOut]
