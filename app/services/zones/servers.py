"""The servers of a backend as a watcher asks them: for serials, for RRsets, and for transfers."""

from dataclasses import dataclass
from pathlib import Path

from app.core.config import settings
from app.domain.server import Server
from app.runner.ansible.inventory import authoritative_servers, host_variables, primary_servers
from app.runner.ansible.kerberos import as_asked


@dataclass(frozen=True, slots=True)
class WatchedServers:
    """The servers of a backend: `primary`, which takes the updates, is among `all` and stands first."""

    primary: Server  # with the key for questions
    transfers: Server  # the same with the key for transfers
    all: tuple[Server, ...]


def watched_servers(backend: str) -> WatchedServers:
    """Return the servers of the backend; the first that is verified where no primary is named.

    Of several primaries it is the one that is preferred.
    A primary that is hidden, and so not verified, is asked with the key for transfers unless there is one for
    questions. Raises UnknownBackend, InventoryError.
    """
    inventory = settings().inventory
    variables = host_variables(inventory, backend)
    verified = authoritative_servers(inventory, backend)
    named = (primary_servers(inventory, backend) or verified)[0]
    for_questions, for_transfers = (
        variables.get("dns_verify_key_file"),
        variables.get("dns_transfer_key_file"),
    )
    key_file = _path(for_transfers or for_questions) or named.key_file
    hidden = as_asked(variables, named, _path(for_questions) or key_file)
    primary = next((each for each in verified if str(each) == str(named)), hidden)
    others = (each for each in verified if each != primary)
    return WatchedServers(primary, as_asked(variables, named, key_file), (primary, *others))


def _path(written: object) -> Path | None:
    return Path(str(written)).expanduser() if written else None
