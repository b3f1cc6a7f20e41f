"""A change: what one request does to one RRset, in canonical form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Self
from uuid import UUID

from app.domain.zone_key import dns_name

MAX_TTL = 2**31 - 1  # RFC 2181 8


class Action(StrEnum):
    """What a request asks for."""

    CREATE = "create"  # add the values to the RRset
    UPDATE = "update"  # replace the RRset; there must be one
    UPSERT = "upsert"  # replace the RRset, or create it
    DELETE = "delete"  # remove the values, or the whole RRset where none is given


class Via(StrEnum):
    """The door by which a request came in. What it says of its origin itself is its source, a free label."""

    API = "api"
    KAFKA = "kafka"
    CLI = "cli"
    CONSOLE = "console"


class Outcome(StrEnum):
    """What a playbook says became of one change."""

    APPLIED = "applied"  # the server took it
    UNCHANGED = "unchanged"  # the RRset was so already
    FAILED = "failed"  # the server, or the playbook, refused it


class RRsetKey(NamedTuple):
    """The owner name (lower case, absolute, no trailing dot) and type that name an RRset."""

    name: str
    type: str

    def __str__(self) -> str:
        return f"{self.name} {self.type}"


class RRsetState(NamedTuple):
    """An RRset as it is, or must be: its values in canonical form; without values there is none.

    `ttl` is in seconds; None stands for any, or for one that is not known.
    """

    ttl: int | None
    rdata: tuple[str, ...]

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> Self:
        """The state of an object of a file, or of the database."""
        return cls(item["ttl"], tuple(item["rdata"]))

    def as_json(self) -> dict[str, Any]:
        """The object of a file, or of the database."""
        return {"ttl": self.ttl, "rdata": list(self.rdata)}


NOTHING = RRsetState(None, ())


@dataclass(frozen=True, slots=True)
class Change:
    """One change as a playbook reads it from its changes file, where `zone` is the DNS name of the zone.

    Here `zone` is its key, with the view. It and `name` are lower case without a trailing dot; `rdata` holds
    the values in canonical presentation format, host names in it absolute with a trailing dot. `ttl` is in
    seconds. `expect` is what must be there for the change to be applied (compare and set). Changes of one
    `group` are applied together or not at all.
    """

    request_id: UUID
    action: Action
    zone: str
    name: str
    type: str
    ttl: int
    rdata: tuple[str, ...]
    comment: str | None = None
    extra_config: dict[str, Any] = field(default_factory=dict)
    expect: RRsetState | None = None
    group: UUID | None = None

    @property
    def key(self) -> RRsetKey:
        """The RRset that it changes."""
        return RRsetKey(self.name, self.type)

    @property
    def apex(self) -> str:
        """The DNS name of its zone."""
        return dns_name(self.zone)

    @classmethod
    def from_json(cls, item: Mapping[str, Any], zone: str) -> Self:
        """The change of an item of the changes file of a zone, given by its key."""
        whole = {
            **item,
            "zone": zone,
            "request_id": UUID(item["request_id"]),
            "action": Action(item["action"]),
        }
        if expect := item.get("expect"):
            whole["expect"] = RRsetState.from_json(expect)
        if group := item.get("group"):
            whole["group"] = UUID(group)
        return cls(**{**whole, "rdata": tuple(item["rdata"])})

    def as_json(self) -> dict[str, Any]:
        """The item of the changes file, as the playbook contract names its fields."""
        item = {
            "request_id": str(self.request_id),
            "action": self.action.value,
            "zone": self.apex,
            "name": self.name,
            "type": self.type,
            "ttl": self.ttl,
            "rdata": list(self.rdata),
            "comment": self.comment,
            "extra_config": self.extra_config,
        }
        if self.expect is not None:
            item["expect"] = self.expect.as_json()
        if self.group is not None:
            item["group"] = str(self.group)
        return item


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """What the playbook wrote about one change into its results file.

    `before` is the RRset that was there when it was the change's turn; None if the playbook does not say.
    `server` is the primary that was sent the change, where there are several. `note` is for operators: why
    others may not learn of it.
    """

    outcome: Outcome
    code: str | None = None
    message: str | None = None
    before: RRsetState | None = None
    server: str | None = None
    note: str | None = None
