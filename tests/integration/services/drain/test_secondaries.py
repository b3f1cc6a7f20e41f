"""Requests that are verified on the secondaries of a hidden primary, which learn by NOTIFY and IXFR."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.connection import Target
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.key_file import read_key
from fastapi.testclient import TestClient

from app.domain.change import RRsetKey
from app.domain.server import Server
from app.nameservers.resolver import ask
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.zones.watch import Watcher
from stack.ports import HOST
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.hidden_primary import ZONE, HiddenPrimary, hidden_primary
from tests.support.settings import SetSettings
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest


class HiddenZone(ZoneUnderTest):
    """The zone on the hidden primary."""

    def __init__(self, servers: HiddenPrimary) -> None:
        self.name = ZONE
        self.target = Target(HOST, servers.primary, 3, 10)
        self.key = read_key(servers.key_file)
        self.transfers_are_signed = self.shows_hidden = True
        self.outcomes = Outcomes()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HiddenPrimary]:
    with hidden_primary(tmp_path_factory.mktemp("hidden")) as made:
        yield made


@pytest.fixture
def api(client: TestClient, servers: HiddenPrimary, tmp_path: Path, set_settings: SetSettings) -> TestClient:
    verified = ", ".join(f'"{HOST}:{port}"' for port in (servers.bind, servers.knot))
    (tmp_path / "hosts.yml").write_text(
        f'dns: {{hosts: {{bind: {{dns_server: "{HOST}:{servers.primary}", dns_verify_servers: [{verified}],'
        f" dns_tsig_key_file: {servers.key_file}}}}}}}\n"
    )
    pauses = {"VERIFY_PAUSE": "0.1", "RETRY_PAUSE": "0.1", "RETRY_PAUSE_MAX": "0.5"}
    set_settings(INVENTORY=str(tmp_path / "hosts.yml"), **pauses)
    client.post("/api/v1/zones", json={"name": ZONE, "backend": "bind"}).raise_for_status()
    return client


def submit(api: TestClient, owner: str, **fields: Any) -> str:
    answer = api.post("/api/v1/dns/create", json=body(ZONE, owner, **fields)).raise_for_status()
    return str(answer.json()["id"])


def request(api: TestClient, request_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/api/v1/dns/requests/{request_id}").json()
    return found


def work(servers: HiddenPrimary) -> None:
    drain(ZONE, ZoneRunner(HiddenZone(servers)), make_backends())


def has_settled(api: TestClient, servers: HiddenPrimary, request_id: str) -> dict[str, Any] | None:
    work(servers)
    found = request(api, request_id)
    return found if found["finished_at"] else None


def shows(port: int, owner: str) -> bool:
    key = RRsetKey(f"{owner}.{ZONE}", "A")
    return ask(Server(HOST, port), [key], timeout=2)[key].rdata == {"192.0.2.1"}


def watched(api: TestClient) -> dict[int, dict[str, Any]]:
    """What the API says of the serial on each server, by its port, when somebody has looked."""
    watcher = Watcher()
    for _ in range(2):  # a server that has not answered once may have lost the question
        watcher.look()
    watcher.end()
    found = api.get(f"/api/v1/zones/{ZONE}").json()["servers"]
    return {int(server["server"].rpartition(":")[2]): server for server in found}


def serves(port: int) -> bool:
    key = RRsetKey(ZONE, "NS")
    return bool(ask(Server(HOST, port), [key], timeout=2)[key].rdata)


def test_both_learn_by_notify_and_ixfr_and_one_reboots(api: TestClient, servers: HiddenPrimary) -> None:
    with servers.running_knot():
        with servers.running_bind():
            eventually(lambda: serves(servers.bind) and serves(servers.knot))
            whole = servers.transfers("AXFR")
            for owner in ("a", "b", "c"):
                found = eventually(partial(has_settled, api, servers, submit(api, owner)), pause=0.1)
                assert (found["status"], found["error"]) == ("succeeded", None)
                assert shows(servers.bind, owner)
                assert shows(servers.knot, owner)
            assert servers.transfers("AXFR") == whole  # what was changed, and nothing else
            assert servers.transfers("IXFR") >= 2
            before = watched(api)
            [newest] = {server["serial"] for server in before.values()}

        # One of them is away: what the primary has taken waits for it, and no deadline passes.
        waiting = submit(api, "meanwhile")
        work(servers)
        eventually(lambda: shows(servers.knot, "meanwhile"))
        work(servers)
        found = request(api, waiting)
        assert found["status"] == "verifying"
        assert f"{HOST}:{servers.bind}" in found["events"][-1]["message"]
        states = {each["server"]: each["state"] for each in found["servers"]}
        ports = (servers.primary, servers.bind, servers.knot)
        assert states == dict(
            zip((f"{HOST}:{port}" for port in ports), ("as_asked", "no_answer", "as_asked"), strict=True)
        )
        now = watched(api)
        assert now[servers.bind]["serial"] == newest < now[servers.knot]["serial"]
        assert now[servers.primary]["serial"] == now[servers.knot]["serial"]
        assert now[servers.bind]["since"] == before[servers.bind]["since"] < now[servers.knot]["since"]
        assert [port for port, server in now.items() if server["error"]] == [servers.bind]
        record = api.get("/api/v1/dns/records", params={"domain": f"meanwhile.{ZONE}"}).json()["items"]
        assert [each["target"] for each in record] == [["192.0.2.1"]]  # as the hidden primary answers

        with servers.running_bind():  # it has missed a NOTIFY, and learns of all with the next one
            eventually(lambda: serves(servers.bind))
            later = submit(api, "later")
            for each in (later, waiting):
                found = eventually(partial(has_settled, api, servers, each), pause=0.1)
                assert (found["status"], found["error"]) == ("succeeded", None)
            assert shows(servers.bind, "meanwhile")


@pytest.mark.thorough
def test_what_the_hidden_primary_drops_is_no_slowness_of_the_secondaries(
    api: TestClient, servers: HiddenPrimary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.kicks.others_wait", lambda: False)

    class Dropping(ZoneRunner):
        def run(self, *args: Any) -> Any:
            result = super().run(*args)
            self._zone.do("delete", "dropped", "A")
            return result

    with servers.running_knot(), servers.running_bind():
        eventually(lambda: serves(servers.bind) and serves(servers.knot))
        dropped = submit(api, "dropped")
        drain(ZONE, Dropping(HiddenZone(servers)), make_backends())
        assert request(api, dropped)["error"]["code"] == "not_kept"
