"""An approval on a real DNS server: what it has is shown, approved, and checked by the server itself."""

from collections.abc import Iterator
from threading import Event, Thread

import pytest
from fastapi.testclient import TestClient

from app.core.config import Settings
from app.runner.ansible.runner import AnsibleRunner
from app.runner.process.fork_pool import ForkPool
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.plan import orders
from app.services.plan.answer import answer_order
from tests.integration.api.review.conftest import Office
from tests.integration.conftest import ZoneOn
from tests.support.running_api import guarded_app
from tests.support.settings import SetSettings
from tests.support.zones import ZoneUnderTest


@pytest.fixture
def zone(zone_on: ZoneOn) -> ZoneUnderTest:
    return zone_on("bind")


@pytest.fixture
def runner(app_settings: Settings, fork_pool: ForkPool) -> AnsibleRunner:
    return AnsibleRunner(app_settings.playbook, app_settings.inventory, fork_pool=fork_pool)


@pytest.fixture
def office(
    app_settings: Settings, zone: ZoneUnderTest, runner: AnsibleRunner, set_settings: SetSettings
) -> Iterator[Office]:
    set_settings(AUTH="required", BOOTSTRAP_ZONES=f"{zone.name}=bind")
    stop = Event()

    def answer() -> None:
        while not stop.is_set():
            if order := orders.take():
                answer_order(order, runner, make_backends())

    worker = Thread(target=answer)
    with TestClient(guarded_app()) as client:
        worker.start()
        made = Office(client, zone.name, "asks", "decides")
        made.grant("review", account="asks")
        approvers = {"approvers": ["decides"]}
        client.patch(f"/api/v1/zones/{zone.name}", json=approvers, headers=made.admin).raise_for_status()
        yield made
        stop.set()
        worker.join()


@pytest.mark.thorough
def test_what_others_change_meanwhile_stops_it(
    office: Office, zone: ZoneUnderTest, runner: AnsibleRunner
) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    asked = office.ask(action="upsert", target="192.0.2.2")
    seen = office.look(asked)
    assert seen["changes"][0]["plan"]["change"]["before"]["target"] == ["192.0.2.1"]
    zone.do("create", "www", "A", "192.0.2.3")
    stale = office.decide("approve", asked, office.approver, state=seen["state"])
    assert (stale.status_code, stale.json()["code"]) == (409, "plan_stale")
    again = office.look(asked)["state"]
    office.decide("approve", asked, office.approver, state=again).raise_for_status()
    late = office.ask(action="upsert", target="192.0.2.4", owner="late")
    office.decide("approve", late, office.approver).raise_for_status()
    zone.do("create", "late", "A", "192.0.2.5")
    drain(zone.name, runner, make_backends())
    assert (office.show(asked)["status"], zone.values("www", "A")) == ("succeeded", {"192.0.2.2"})
    assert office.show(late)["error"]["code"] == "state_changed"
    assert zone.values("late", "A") == {"192.0.2.5"}
