"""Backends as the executor knows them: their limits, and what their servers answer."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from app.core.config import settings
from app.core.database import AnySession, transaction
from app.domain.believed import Answers, Roles, mute
from app.domain.change import Change, RRsetKey, RRsetState
from app.domain.errors import InventoryError
from app.domain.expectation import Answer
from app.nameservers.key_file import KeyUnusable, read_key
from app.nameservers.signing import check_kerberos
from app.runner.ansible.honours import honoured
from app.runner.ansible.inventory import (
    RunLimits,
    backend_servers,
    host_names,
    host_variables,
    primary_servers,
    read_ahead,
    run_limits,
)
from app.services.drain.verify import ask_servers, recorded
from app.store import backends as store_backends
from app.store import records
from app.store.zones import SIMULATED_BACKEND


class Backends(Protocol):
    """What a drain must know about a backend besides how to run Ansible on it."""

    def prepare(self) -> None:
        """Read what the first drain will need. Raises InventoryError."""
        ...

    def honours(self) -> Mapping[str, frozenset[str] | None]:
        """Return which conditions the playbook honours on each backend; None where nobody can say.

        Raises InventoryError.
        """
        ...

    def faults(self) -> Mapping[str, str]:
        """Return why each backend that can't be used can't. Raises InventoryError."""
        ...

    def may_be_served(self, session: AnySession, backend: str) -> bool:
        """Return whether the backend's zones are this worker's business."""
        ...

    def limits(self, backend: str) -> RunLimits:
        """Return the backend's own limits."""
        ...

    def why_unusable(self, backend: str) -> str | None:
        """Return why nothing can be done on the backend; None when it can be used."""
        ...

    def ask(self, backend: str, changes: Sequence[Change]) -> Answers:
        """Return what each authoritative server answers for every RRset that these changes touch.

        Raises InventoryError.
        """
        ...

    def roles(self, backend: str) -> Roles:
        """Return which of the servers in the answers take updates, and which must answer."""
        ...


class _Silent:
    """Remembers for a while which primaries gave no answer and need not: nobody waits for them again."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def among(self, servers: Iterable[str]) -> set[str]:
        now = time.monotonic()
        return {server for server in servers if self._until.get(server, 0.0) > now}

    def note(self, servers: Iterable[str]) -> None:
        until = time.monotonic() + SILENCE
        self._until |= dict.fromkeys(servers, until)


SILENCE = 30.0  # seconds
_silent = _Silent()


class InventoryBackends:
    """The hosts of an Ansible inventory."""

    def __init__(self, inventory: Path) -> None:
        self._inventory = inventory

    def prepare(self) -> None:
        """Read the inventory. Raises InventoryError."""
        read_ahead(self._inventory)

    def honours(self) -> Mapping[str, frozenset[str] | None]:
        """Return which conditions the playbook honours on each host. Raises InventoryError."""
        return {name: self._honours(name) for name in host_names(self._inventory)}

    def _honours(self, backend: str) -> frozenset[str] | None:
        try:
            return honoured(host_variables(self._inventory, backend), settings().playbook)
        except InventoryError:  # what it says can't be used, and neither can the host
            return None

    def faults(self) -> Mapping[str, str]:
        """Return why each backend that can't be used as the inventory has it can't. Raises InventoryError."""
        return {name: why for name in host_names(self._inventory) if (why := self._fault(name))}

    def _fault(self, backend: str) -> str | None:
        variables = host_variables(self._inventory, backend)
        if not any(name.startswith("dns_") for name in variables):  # a host that is no backend
            return None
        try:
            for primary in primary_servers(self._inventory, backend):
                if primary.key_file:
                    read_key(primary.key_file)
                if primary.kerberos:
                    check_kerberos(primary.kerberos)
        except (KeyUnusable, InventoryError) as error:
            return str(error)
        return self.why_unusable(backend)

    def may_be_served(self, session: AnySession, backend: str) -> bool:
        """Return True: where the inventory does not have the backend, its zones rest."""
        return True

    def limits(self, backend: str) -> RunLimits:
        """Return the host's limits as last read; none where they can't be used, and neither can the host."""
        try:
            return run_limits(self._inventory, backend, as_last_read=True)
        except InventoryError:
            return RunLimits()

    def why_unusable(self, backend: str) -> str | None:
        """Return why the inventory does not say which servers to ask, or how much; None when it does."""
        try:
            backend_servers(self._inventory, backend)
            run_limits(self._inventory, backend)
        except InventoryError as error:
            return str(error)
        return None

    def ask(self, backend: str, changes: Sequence[Change]) -> Answers:
        """Return what each of the host's authoritative servers answers. Raises InventoryError."""
        required, primaries, hidden = backend_servers(self._inventory, backend)
        names = {str(server) for server in required}
        servers = [*required, *hidden]
        dispensable = {str(server) for server in primaries if len(primaries) > 1 or str(server) not in names}
        silent = _silent.among(dispensable)
        if len(silent) == len(primaries):  # where none of them is known to be there, all are asked
            silent &= dispensable - names
        servers = [server for server in servers if str(server) not in silent]
        answers = ask_servers(servers, changes, settings().verify_timeout)
        _silent.note(server for server in dispensable & answers.keys() if mute(answers[server]))
        return answers

    def roles(self, backend: str) -> Roles:
        """Return which servers the inventory names for what; none while it can't be used."""
        try:
            required, primaries, _ = backend_servers(self._inventory, backend, as_last_read=True)
        except InventoryError:
            return Roles()
        return Roles(tuple(map(str, primaries)), frozenset(map(str, required)))


class SimulatedBackends:
    """No servers at all: the records say what a server would answer that took every change."""

    SERVER = "the simulation"

    def prepare(self) -> None:
        """Do nothing: there is nothing to read."""

    def honours(self) -> Mapping[str, frozenset[str] | None]:
        """Return nothing: the simulation has no backends of its own."""
        return {}

    def faults(self) -> Mapping[str, str]:
        """Return none: anything can be simulated."""
        return {}

    def may_be_served(self, session: AnySession, backend: str) -> bool:
        """Return whether no real server can be meant: else success would be reported that nobody has seen.

        Beside real servers the simulation keeps to the zones that it has made up. Where it was asked for, it
        also takes those whose backend no worker has ever found in its inventory.
        """
        if backend == SIMULATED_BACKEND:
            return True
        if settings().executor == "simulated":
            return backend not in store_backends.list_names(session)
        return not store_backends.are_real(session)

    def limits(self, backend: str) -> RunLimits:
        """Return that there are none."""
        return RunLimits()

    def why_unusable(self, backend: str) -> str | None:
        """Return None: any backend can be simulated."""
        return None

    def ask(self, backend: str, changes: Sequence[Change]) -> Answers:
        """Return what a server would answer that holds our records and took these changes."""
        with transaction() as session:
            store_backends.note_simulation(session)
            state = {change.key: recorded(session, change.zone, change.key) for change in changes}
        for change in changes:
            state[change.key] = state[change.key].after(change)
        return {
            self.SERVER: {key: Answer(rrset.ttl, rrset.exact or frozenset()) for key, rrset in state.items()}
        }

    def roles(self, backend: str) -> Roles:
        """Return that the simulated server does all."""
        return Roles((self.SERVER,), frozenset({self.SERVER}))


def make_backends() -> Backends:
    """Return the backends of the executor that the settings ask for."""
    if settings().simulated:
        return SimulatedBackends()
    return InventoryBackends(settings().inventory)


def simulated_state(changes: Sequence[Change]) -> Mapping[RRsetKey, RRsetState]:
    """Return what the simulation takes for the zone at the names of these changes."""
    if not settings().simulated:
        return {}
    with transaction() as session:
        return records.states(session, changes[0].zone, {change.name for change in changes})
