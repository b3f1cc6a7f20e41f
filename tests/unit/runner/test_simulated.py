"""The simulation."""

from threading import Event
from uuid import uuid4

import pytest

from app.domain.change import Outcome, RRsetKey, RRsetState
from app.runner import make_runner
from app.runner.ansible.runner import AnsibleRunner
from app.runner.protocol import Run, RunEvent, RunResult
from app.runner.simulated import SimulatedRunner
from tests.support.builders import change
from tests.support.settings import SetSettings


def simulate(
    delay: float = 0, rate: float = 0, size: int = 1, timeout: float = 60, *, cancelled: bool = False
) -> tuple[RunResult, list[RunEvent]]:
    changes = [change("create", f"h{number}", "A", "192.0.2.1") for number in range(size)]
    cancel, events = Event(), list[RunEvent]()
    if cancelled:
        cancel.set()
    run = Run(uuid4(), "example.test", "bind", changes, timeout)
    result = SimulatedRunner(delay, rate).run(run, events.append, cancel)
    assert result.results.keys() <= {each.request_id for each in changes}
    return result, events


def test_every_change_is_applied() -> None:
    result, events = simulate(size=5)
    assert result.rc == 0
    assert [each.outcome for each in result.results.values()] == [Outcome.APPLIED] * 5
    assert len(events) == 1


def test_every_change_fails_at_the_highest_rate() -> None:
    result, _ = simulate(rate=1, size=5)
    assert {(each.outcome, each.code) for each in result.results.values()} == {
        (Outcome.FAILED, "simulated_failure")
    }
    assert len(result.results) == 5


def test_some_fail_at_a_rate_between() -> None:
    result, _ = simulate(rate=0.5, size=2_000)
    failed = [each for each in result.results.values() if each.outcome is Outcome.FAILED]
    assert 700 < len(failed) < 1_300


@pytest.mark.parametrize("check", [False, True])
def test_what_no_server_does_fails_as_it_does_there(*, check: bool) -> None:
    wanted = [
        (change("create", "www", "A", "192.0.2.1"), "applied", None),
        (change("create", "www", "A", "192.0.2.1"), "unchanged", None),
        (change("create", "www", "CNAME", "a.example.test."), "failed", "cname_conflict"),
        (change("create", "alias", "TXT", '"x"'), "failed", "cname_conflict"),
        (change("create", "alias", "CNAME", "b.example.test."), "failed", "cname_exists"),
        (change("update", "new", "A", "192.0.2.1"), "failed", "rrset_missing"),
        (change("create", "dname", "DNAME", "a.test."), "applied", None),
        (change("create", "dname", "DNAME", "b.test."), "failed", "single_value"),
        (change("delete", "alias", "CNAME"), "applied", None),
        (change("create", "alias", "TXT", '"x"'), "applied", None),
    ]
    recorded = {RRsetKey("alias.example.test", "CNAME"): RRsetState(300, ("a.example.test.",))}
    changes = [each for each, _, _ in wanted]
    run = Run(uuid4(), "example.test", "bind", changes, 60, check=check, recorded=recorded)
    result = SimulatedRunner(0, 0).run(run, lambda event: None, Event())
    said = [result.results[each.request_id] for each in changes]
    assert [(each.outcome.value, each.code) for each in said] == [each[1:] for each in wanted]


def test_what_failed_by_chance_has_changed_nothing() -> None:
    changes = [change("create", "www", "A", "192.0.2.1"), change("update", "www", "A", "192.0.2.2")]
    result = SimulatedRunner(0, 1).run(
        Run(uuid4(), "example.test", "bind", changes, 60), lambda event: None, Event()
    )
    assert [result.results[each.request_id].code for each in changes] == [
        "simulated_failure",
        "rrset_missing",
    ]


@pytest.mark.parametrize(("timeout", "cancelled", "why"), [(60, True, "cancelled"), (0.01, False, "timeout")])
def test_it_can_be_stopped(timeout: float, cancelled: bool, why: str) -> None:
    result, _ = simulate(delay=30, timeout=timeout, cancelled=cancelled)
    assert (result.rc, result.results, result.why) == (None, {}, why)


@pytest.mark.parametrize(
    ("variables", "runner"),
    [
        ({}, SimulatedRunner),
        ({"INVENTORY": "/etc/dns/inventory"}, AnsibleRunner),
        ({"DNS_SERVER": "192.0.2.53:53"}, AnsibleRunner),
        ({"INVENTORY": "/etc/dns/inventory", "EXECUTOR": "simulated"}, SimulatedRunner),
        ({"EXECUTOR": "ansible"}, AnsibleRunner),
    ],
)
def test_real_runs_where_there_is_an_inventory(
    variables: dict[str, str], runner: type, set_settings: SetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EXECUTOR", "INVENTORY", "DNS_SERVER"):
        monkeypatch.delenv(name, raising=False)
    set_settings(**variables)
    assert isinstance(make_runner(), runner)


def test_the_settings_choose_the_runner(set_settings: SetSettings) -> None:
    set_settings(EXECUTOR="simulated")
    assert isinstance(make_runner(), SimulatedRunner)
    set_settings(EXECUTOR="ansible")
    assert isinstance(make_runner(), AnsibleRunner)


def test_a_forecast_takes_no_time_and_nothing_fails() -> None:
    asked = change("create", "a", "A", "192.0.2.1")
    run = Run(uuid4(), asked.zone, "bind", [asked], 1, check=True)
    result = SimulatedRunner(delay=60, failure_rate=1).run(run, lambda event: None, Event())
    assert result.rc == 0
    assert result.results[asked.request_id].outcome is Outcome.APPLIED
