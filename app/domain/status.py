"""The words for what is asked (action), by whom (source), and how far it has come (status)."""

from enum import StrEnum


class Action(StrEnum):
    """What a request asks for."""

    CREATE = "create"  # add the values to the RRset
    UPDATE = "update"  # replace the RRset; there must be one
    UPSERT = "upsert"  # replace the RRset, or create it
    DELETE = "delete"  # remove the values, or the whole RRset where none is given


class Source(StrEnum):
    """The way a request came in."""

    API = "api"
    KAFKA = "kafka"
    CLI = "cli"
    CONSOLE = "console"


class Status(StrEnum):
    """Where a request is on its way."""

    PENDING = "pending"  # stored, waits for a worker
    RUNNING = "running"  # in a batch that an Ansible run applies
    VERIFYING = "verifying"  # applied; some authoritative server does not answer it yet
    SUCCEEDED = "succeeded"  # every authoritative server answers as asked
    FAILED = "failed"  # will not be tried again by itself; the error says why
    CANCELLED = "cancelled"  # taken back by its account before it ran


OPEN = (Status.PENDING, Status.RUNNING, Status.VERIFYING)


class Outcome(StrEnum):
    """What a playbook says became of one change."""

    APPLIED = "applied"  # the server took it
    UNCHANGED = "unchanged"  # it was so already
    FAILED = "failed"  # the server, or the playbook, refused it
