"""Several primaries, of which some are away for a while: each change is applied once, and is settled."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from app.services.drain import backends
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from stack.embedded import Stack
from tests.integration.conftest import ZoneOn
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.fronts import Death, Front, front
from tests.support.settings import SetSettings
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest


class Scene:
    """A zone with two primaries, which are two ways to the same server, and a worker."""

    def __init__(self, client: TestClient, zone: ZoneUnderTest, first: Front, second: Front) -> None:
        self.client, self.zone, self.first, self.second = client, zone, first, second
        zone.target, zone.standbys = first.target, [second.target]
        self.runner = ZoneRunner(zone)

    def submit(self, owner: str, **fields: Any) -> str:
        answer = self.client.post("/api/v1/dns/create", json=body(self.zone.name, owner, **fields))
        return str(answer.raise_for_status().json()["id"])

    def drain(self) -> None:
        drain(self.zone.name, self.runner, make_backends())

    def request(self, request_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/api/v1/dns/requests/{request_id}").json()
        return found

    def settle(self, request_id: str) -> dict[str, Any]:
        """Drain until the request is settled."""

        def settled() -> dict[str, Any] | None:
            self.drain()
            found = self.request(request_id)
            return found if found["finished_at"] else None

        return eventually(settled, pause=0.05)

    @property
    def applied(self) -> list[int]:
        return [self.first.applied, self.second.applied]


@pytest.fixture(scope="module")
def fronts(infrastructure: Stack) -> Iterator[tuple[Front, Front]]:
    """Two fronts of BIND."""
    behind = ZoneUnderTest(infrastructure, "any.test").target
    with front(behind) as first, front(behind) as second:
        yield first, second


@pytest.fixture(scope="module")
def hosts(fronts: tuple[Front, Front], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inventory of all tests here: each process reads it once."""
    path = tmp_path_factory.mktemp("inventory") / "hosts.json"
    host = {"dns_server": [str(each) for each in fronts]}
    path.write_text(json.dumps({"dns": {"hosts": {"bind": host}}}))
    return path


@pytest.fixture
def scene(
    client: TestClient,
    zone_on: ZoneOn,
    fronts: tuple[Front, Front],
    hosts: Path,
    set_settings: SetSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    monkeypatch.setattr(backends, "SILENCE", 0.0)
    for each in fronts:
        each.is_dead, each.dies, each.applied = False, None, 0
    zone = zone_on("bind")
    set_settings(INVENTORY=str(hosts), RETRY_PAUSE="0.05", RETRY_PAUSE_MAX="0.1", VERIFY_PAUSE="0.1")
    client.post("/api/v1/zones", json={"name": zone.name, "backend": "bind"}).raise_for_status()
    return Scene(client, zone, *fronts)


def test_a_primary_that_is_gone_keeps_nothing_from_succeeding(scene: Scene) -> None:
    scene.first.is_dead = True
    request_id = scene.submit("www")
    scene.drain()
    request = scene.request(request_id)
    assert (request["status"], scene.applied) == ("succeeded", [0, 1])
    assert request["events"][-1]["message"] == f"answered by {scene.second}"
    states = [(each["server"], each["state"]) for each in request["servers"]]
    assert states == [(str(scene.second), "as_asked"), (str(scene.first), "no_answer")]


@pytest.mark.parametrize(("death", "counts"), [("before", [0, 1]), ("after", [1, 0])])
def test_what_one_may_have_applied_is_asked_of_the_other(
    scene: Scene, death: Death, counts: list[int]
) -> None:
    scene.first.dies = death
    request = scene.settle(scene.submit("www"))
    assert (request["status"], scene.applied) == ("succeeded", counts)
    scene.first.is_dead = False
    assert scene.zone.values("www", "A") == {"192.0.2.1"}


def test_where_none_answers_the_backend_rests_and_nothing_fails(scene: Scene) -> None:
    scene.first.dies, scene.second.is_dead = "after", True
    request_id = scene.submit("www")
    scene.drain()
    assert scene.request(request_id)["status"] == "pending"
    with transaction() as session:
        fault = session.execute(text("SELECT fault_code FROM dns_backends WHERE name = 'bind'")).scalar()
    assert fault == "server_unreachable"
    scene.second.is_dead = False
    assert scene.settle(request_id)["status"] == "succeeded"
    assert scene.applied == [1, 0]


@pytest.mark.thorough
def test_primaries_that_die_again_and_again_apply_nothing_twice(scene: Scene) -> None:
    chance = random.Random(7)
    for number in range(12):
        scene.first.is_dead = chance.random() < 0.2
        scene.first.dies = chance.choice([None, "before", "after"])
        scene.second.dies = chance.choice([None, None, "before", "after"])
        request_id = scene.submit(f"h{number}")
        for _ in range(3):  # both may be away for a while
            scene.drain()
        scene.second.is_dead = False
        assert scene.settle(request_id)["status"] == "succeeded"
        scene.first.is_dead = False
        scene.first.dies = scene.second.dies = None
    assert sum(scene.applied) == 12
    assert min(scene.applied) > 0
    held = {line.split()[0] for line in scene.zone.transfer() if " A " in line}
    assert len(held) == 12
