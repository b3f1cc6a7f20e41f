"""The servers of a backend as a watcher asks them: for serials, for RRsets, and for transfers."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from app.core.config import settings
from app.domain.server import Server
from app.runner.ansible.inventory import (
    Variables,
    authoritative_servers,
    host_variables,
    primary_servers,
)
from app.runner.ansible.kerberos import as_asked


class Primary(NamedTuple):
    """A server that takes updates, with what signs the questions to it, and its transfers."""

    questions: Server
    transfers: Server


@dataclass(frozen=True, slots=True)
class WatchedServers:
    """The servers of a backend. The primaries are among `all` and stand first, in order of preference."""

    primaries: tuple[Primary, ...]
    all: tuple[Server, ...]

    def primary(self, mute: Collection[Server]) -> Primary:
        """Return the preferred one of the primaries that answer; `mute` are servers that do not."""
        return next((each for each in self.primaries if each.questions not in mute), self.primaries[0])


def watched_servers(backend: str) -> WatchedServers:
    """Return the servers of the backend; where it names no primary, that is the first that is verified.

    A primary that is hidden, and so not verified, is asked with the key for transfers unless there is one for
    questions. Raises UnknownBackend, InventoryError.
    """
    inventory = settings().inventory
    variables = host_variables(inventory, backend)
    verified = authoritative_servers(inventory, backend)
    named = primary_servers(inventory, backend) or verified[:1]
    primaries = tuple(_primary(variables, each, verified) for each in named)
    asked = dict.fromkeys((*(primary.questions for primary in primaries), *verified))
    return WatchedServers(primaries, tuple(asked))


def _primary(variables: Variables, named: Server, verified: Iterable[Server]) -> Primary:
    for_questions, transfers = _path(variables.get("dns_verify_key_file")), for_transfers(variables, named)
    hidden = as_asked(variables, named, for_questions) if for_questions else transfers
    shown = next((each for each in verified if str(each) == str(named)), hidden)
    return Primary(shown, transfers)


def for_transfers(variables: Variables, named: Server) -> Server:
    """Return a primary as it is asked to transfer: with the key for that, for questions, or for updates."""
    own, for_questions = variables.get("dns_transfer_key_file"), variables.get("dns_verify_key_file")
    return as_asked(variables, named, _path(own) or _path(for_questions) or named.key_file)


def _path(written: object) -> Path | None:
    return Path(str(written)).expanduser() if written else None
