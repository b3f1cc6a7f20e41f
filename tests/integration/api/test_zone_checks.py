"""What the servers of a zone are asked for when it is registered, and later."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core.config import Settings
from app.core.database import transaction
from app.services.zones import check_orders
from app.services.zones.check_orders import CHECKS_AT_ONCE, answer_checks_until
from app.store import backends
from stack.embedded import Stack
from stack.inventory import write_backend, write_inventory
from stack.nameserver import create_key, empty_zone
from stack.ports import HOST, Ports
from tests.support.name_servers import Connection, serving
from tests.support.own_bind import running_bind
from tests.support.running_api import RunningApi
from tests.support.settings import SetSettings
from tests.support.thoroughly import thoroughly

ALL = {"answer", "update", "transfer"}


@pytest.fixture
def api(app_settings: Settings, running_api: RunningApi) -> TestClient:
    """The API; some worker has published `bind` and `powerdns`."""
    client = running_api.client()
    with transaction() as session:
        backends.publish(session, {"bind": None, "powerdns": None})
    return client


@pytest.fixture
def worker(app_settings: Settings) -> Iterator[None]:
    """A worker of the test's process that checks zones."""
    stop = Event()
    threads = [Thread(target=answer_checks_until, args=(stop,)) for _ in range(CHECKS_AT_ONCE)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


def register(api: TestClient, name: str, backend: str = "bind", **params: str) -> Any:
    answer = api.post("/api/v1/zones", json={"name": name, "backend": backend}, params=params)
    assert answer.status_code == 201, answer.text
    return answer.json()["check"]


def lacking(check: dict[str, Any]) -> dict[str, str]:
    return {each["need"]: each["code"] for each in check["findings"] if each["code"]}


def test_a_zone_that_has_all_it_needs(api: TestClient, worker: None, new_zone: str) -> None:
    found = register(api, new_zone)
    assert (found["state"], found["why"]) == ("well", None)
    assert {each["need"] for each in found["findings"]} == ALL
    assert api.get(f"/api/v1/zones/{new_zone}").json()["check"] == found


def test_a_zone_that_no_server_has_is_served_and_checked_again(
    api: TestClient, worker: None, infrastructure: Stack
) -> None:
    found = register(api, "later.test")
    assert found["state"] == "faulty"
    assert lacking(found) == {
        "answer": "zone_not_loaded",
        "update": "zone_not_loaded",
        "transfer": "zone_not_loaded",
    }
    infrastructure.add_zone("later.test")
    again = api.post("/api/v1/zones/later.test/check")
    assert (again.status_code, again.json()["state"]) == (200, "well")
    assert api.get("/api/v1/zones/later.test").json()["check"]["state"] == "well"


@pytest.mark.parametrize("key", [*map(thoroughly, ("another", "missing"))])
def test_a_key_that_is_not_good(
    key: str,
    api: TestClient,
    worker: None,
    new_zone: str,
    infrastructure: Stack,
    tmp_path: Path,
    set_settings: SetSettings,
) -> None:
    address, _, port = infrastructure.env["DNS_SERVER"].rpartition(":")
    key_file = tmp_path / "k.key"
    if key == "another":
        create_key(key_file)
    (tmp_path / "i").mkdir()
    write_inventory(tmp_path / "i", address, int(port), key_file)
    set_settings(INVENTORY=str(tmp_path / "i"))
    code = "tsig_refused" if key == "another" else "key_unusable"
    assert lacking(register(api, new_zone)) == {"update": code, "transfer": code}


@pytest.mark.thorough
def test_a_silent_server_keeps_no_other_zone_from_being_checked(
    api: TestClient,
    worker: None,
    new_zone: str,
    infrastructure: Stack,
    tmp_path: Path,
    set_settings: SetSettings,
) -> None:
    address, _, port = infrastructure.env["DNS_SERVER"].rpartition(":")
    asked, is_over = Event(), Event()

    def wait(connection: Connection) -> None:
        for _ in connection.queries():
            asked.set()
            is_over.wait(10)
            return

    with serving(wait) as mute, ThreadPoolExecutor() as threads:
        write_inventory(tmp_path, address, int(port), infrastructure.key_file())
        write_backend(tmp_path, "mute", mute.address, mute.port)
        set_settings(INVENTORY=str(tmp_path))
        with transaction() as session:
            backends.publish(session, {"bind": None, "mute": None})
        slow = threads.submit(register, api, f"mute.{new_zone}", "mute")
        assert asked.wait(10)
        assert register(api, new_zone)["state"] == "well"
        assert not slow.done()
        is_over.set()
        assert slow.result()["state"] == "faulty"


def test_the_api_of_powerdns(
    api: TestClient, worker: None, more_name_servers: Stack, set_settings: SetSettings
) -> None:
    set_settings(INVENTORY=more_name_servers.env["INVENTORY"])
    missing = {"answer": "zone_not_loaded", "api": "zone_not_loaded", "transfer": "tsig_refused"}
    assert lacking(register(api, "unknown.test", "powerdns")) == missing
    more_name_servers.add_zone("checked.test", "powerdns")
    assert not {"answer", "api"} & set(lacking(register(api, "checked.test", "powerdns")))


def test_who_asks_for_no_check_gets_none(api: TestClient, worker: None, new_zone: str) -> None:
    assert register(api, new_zone, check="false") is None
    assert api.get(f"/api/v1/zones/{new_zone}").json()["check"] is None


def test_an_error_that_nobody_foresaw_is_told_at_once(
    api: TestClient, worker: None, new_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(check_orders, "questions_about", fail)
    assert "an error of the worker" in register(api, new_zone)["why"]


def test_without_a_worker_nobody_is_asked(
    api: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_orders, "TO_BE_TAKEN", 0.1)
    found = register(api, new_zone)
    assert (found["state"], found["findings"]) == ("unknown", [])
    assert "no worker has taken" in found["why"]
    assert api.get(f"/api/v1/zones/{new_zone}").json()["check"] is None


def test_a_backend_that_no_worker_has_published_is_not_waited_for(
    app_settings: Settings, running_api: RunningApi, new_zone: str
) -> None:
    assert "no worker's inventory" in register(running_api.client(), new_zone)["why"]


def test_a_zone_that_is_not_served(api: TestClient) -> None:
    assert api.post("/api/v1/zones/nobody.test/check").status_code == 404


@contextmanager
def bind_with_two_views(home: Path) -> Iterator[int]:
    """Run BIND with a view for the key and one for everybody else; yield its port."""
    ports = Ports.free()
    create_key(home / "k.key")
    (home / "inside").write_text(empty_zone("split.test").replace(" 1 3600", " 7 3600"))
    (home / "outside").write_text(empty_zone("split.test"))
    zone = 'zone "split.test" { type primary; file "%s"; %s };'
    allowed = 'allow-update { key "orchestrator"; }; allow-transfer { key "orchestrator"; };'
    configuration = (
        f'include "{home}/k.key"; options {{ directory "{home}"; listen-on port {ports.dns} {{ {HOST}; }};'
        " listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no; notify no; };"
        f'view "inside" {{ match-clients {{ key "orchestrator"; }}; {zone % ("inside", allowed)} }};'
        f'view "outside" {{ match-clients {{ any; }}; {zone % ("outside", "")} }};'
    )
    with running_bind(home, ports, configuration):
        yield ports.dns


@pytest.mark.thorough
def test_a_key_that_leads_to_another_view(
    api: TestClient, worker: None, tmp_path: Path, set_settings: SetSettings
) -> None:
    with bind_with_two_views(tmp_path) as port:
        inventory, key = tmp_path / "i", str(tmp_path / "k.key")
        write_backend(inventory, "bind", HOST, port, dns_tsig_key_file=key)
        set_settings(INVENTORY=str(inventory))
        assert lacking(register(api, "split.test")) == {"answer": "view_differs"}
        write_backend(inventory, "bind", HOST, port, dns_tsig_key_file=key, dns_verify_key_file=key)
        assert api.post("/api/v1/zones/split.test/check").json()["state"] == "well"
