"""A failover to an asynchronous standby: what that has not got is lost, as reliability.md says.

Nothing old is applied over what is newer, where `restored` is run before a worker starts. That a synchronous
standby loses nothing shows the matrix (families/standby.py).
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest

from tests.faults.matrix.standby import Standby
from tests.faults.matrix.system import ACCOUNTS, System
from tests.faults.matrix.zone_files import whole_zone
from tests.support.builders import body, time_after
from tests.support.eventually import eventually
from tests.support.forked import CLI, run_in_fork
from tests.support.zone_model import Key, rrset

ZONE = "standby.test"
HOUR = 3600


class Client:
    """A client of the API, and what the primary answers of the zone."""

    def __init__(self, system: System, http: httpx2.Client) -> None:
        self._system, self._http = system, http
        self._url = f"{system.url('api-1')}/api/v1"

    def ask(self, owner: str, **fields: Any) -> str:
        """Ask for an address of a name, with a key that is the same each time."""
        asked = body(ZONE, owner, account=ACCOUNTS[0], **fields)
        headers = {"Idempotency-Key": owner}
        answer = self._http.post(f"{self._url}/dns/upsert", json=asked, headers=headers)
        return str(answer.raise_for_status().json()["id"])

    def cancel(self, request_id: str) -> None:
        self._http.post(f"{self._url}/dns/requests/{request_id}/cancel").raise_for_status()

    def fate(self, request_id: str) -> str:
        """The status of a request, or the code of its error; nothing where nobody knows it."""
        answer = self._http.get(f"{self._url}/dns/requests/{request_id}")
        if answer.status_code == 404:
            return ""
        found = answer.raise_for_status().json()
        return str(found["error"]["code"] if found["error"] else found["status"])

    def wait_for(self, request_id: str, fate: str) -> None:
        eventually(lambda: self.fate(request_id) == fate, limit=30)

    def answers(self, owner: str) -> bool:
        """Whether the primary has the name, just as it was asked for."""
        servers = self._system.servers
        found = whole_zone(ZONE, servers.dns_ports["bind"], servers.bind.key_file)
        return found.get(Key(owner, "A")) == rrset(300, ["192.0.2.1"])

    def is_recorded(self, owner: str) -> bool:
        answer = self._http.get(f"{self._url}/dns/records", params={"zone": ZONE})
        return f"{owner}.{ZONE}" in answer.raise_for_status().text


@pytest.fixture
def system() -> Iterator[System]:
    with (
        TemporaryDirectory(prefix="standby-") as folder,
        System(Path(folder), begin_with=("api-1", "worker-1")) as system,
    ):
        system.servers.add_zone(ZONE)
        with system.client(system.admin) as client:
            served = {"name": ZONE, "backend": "bind"}
            client.post(f"{system.url('api-1')}/api/v1/zones", json=served).raise_for_status()
        yield system


@pytest.mark.thorough
def test_what_an_asynchronous_standby_can_lose(system: System) -> None:
    with system.client(system.tokens[ACCOUNTS[0]], timeout=30) as http, Standby(system) as standby:
        client = Client(system, http)
        kept = client.ask("kept")
        client.wait_for(kept, "succeeded")
        scheduled = client.ask("scheduled", not_before=time_after(HOUR))
        standby.stay_behind()
        lost = client.ask("lost")
        client.wait_for(lost, "succeeded")
        client.cancel(scheduled)
        system.stop("worker-1")
        system.kill("postgres")
        standby.promote()
        standby.take_the_place_of_the_primary()

        eventually(lambda: client.fate(kept) == "succeeded")
        assert client.fate(lost) == ""
        assert (client.answers("lost"), client.is_recorded("lost")) == (True, False)
        assert client.fate(scheduled) == "scheduled"

        eventually(lambda: put_aside(system), limit=30)
        assert client.fate(scheduled) == "restored"
        system.start("worker-1")
        again = client.ask("lost")
        assert again != lost
        client.wait_for(again, "succeeded")
        assert (client.answers("lost"), client.is_recorded("lost")) == (True, True)
        assert not client.answers("scheduled")


def put_aside(system: System) -> bool:
    """Whether `restored` has done its work: it refuses to as long as a worker's leases last."""
    return run_in_fork((*CLI, "restored"), system.env, system.directory).status == 0
