"""Rolling a zone back: what was done since a time through us is taken back, and what can't be is named."""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core.database import transaction
from app.domain.change import NOTHING, RRsetState
from app.domain.errors import InvalidInput, ZoneNotFound
from app.domain.permissions import Caller, Effect, Grant, Grants, Principal, Role
from app.runner import make_runner
from app.runner.protocol import Run, RunEvent, RunResult
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.plan import rollback as module
from app.services.plan.rollback import Rollback, RollbackOrder, plan_rollback
from app.services.requests.submission import Accepted
from app.services.requests.submit import submit
from app.services.requests.validate import read_changes
from tests.integration.conftest import ZoneOn
from tests.support.answers import codes
from tests.support.builders import body
from tests.support.settings import SetSettings
from tests.support.thoroughly import thoroughly
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest


class SilentRunner(ZoneRunner):
    """An operator's playbook: it does not say what was there before."""

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        result = super().run(run, on_event, cancel)
        return replace(
            result, results={key: replace(said, before=None) for key, said in result.results.items()}
        )


@pytest.fixture
def zone(client: TestClient, zone_on: ZoneOn) -> ZoneUnderTest:
    made = zone_on("bind")
    client.post("/api/v1/zones", json={"name": made.name, "backend": "bind"}).raise_for_status()
    return made


def accept(client: TestClient, *items: dict[str, Any]) -> list[str]:
    answer = client.post("/api/v1/dns/batch", json={"requests": items}).raise_for_status()
    return [result["request"]["id"] for result in answer.json()["results"]]


def settle(zone: ZoneUnderTest) -> None:
    drain(zone.name, ZoneRunner(zone), make_backends())


def do(client: TestClient, zone: ZoneUnderTest, *items: dict[str, Any]) -> list[str]:
    ids = accept(client, *items)
    settle(zone)
    return ids


def item(zone: ZoneUnderTest, owner: str, action: str, *targets: str, **more: Any) -> dict[str, Any]:
    """A change of a batch; without targets it deletes the whole RRset."""
    made = body(zone.name, owner, action=action, target=list(targets), **more)
    if not targets:
        del made["resource"]["target"]
    return made


def now() -> datetime:
    """A time after what was done, and before what follows."""
    time.sleep(0.01)
    found = datetime.now(UTC)
    time.sleep(0.01)
    return found


def roll_back(zone: str, to: datetime) -> Rollback:
    return plan_rollback(zone, RollbackOrder(to))


def apply(found: Rollback) -> list[Any]:
    """Submit the plan, each change with what it expects."""
    before = [each.effect.before for each in found.planned]
    items = [
        each._replace(expect=RRsetState(*there) if there else NOTHING)
        for each, there in zip(found.items, before, strict=True)
    ]
    with transaction() as session:
        results = submit(session, read_changes(items), atomic=True)
    return [result.request.id for result in results if isinstance(result, Accepted)]


def left(found: Rollback) -> dict[str, str]:
    return {str(each.key): each.reason.code for each in found.left}


def random_items(zone: ZoneUnderTest, number: int, chance: random.Random) -> Iterable[dict[str, Any]]:
    for _ in range(number):
        owner = chance.choice(["@", "a", "b", "c"])
        if owner != "@" and chance.random() < 0.3:
            target = f"{chance.choice('xyz')}.example.org"
            yield item(zone, owner, chance.choice(["upsert", "delete"]), target, record_type="CNAME")
        elif chance.random() < 0.2:
            yield item(zone, owner, "delete")
        else:
            targets = chance.sample([f"192.0.2.{n}" for n in range(5)], chance.randint(1, 3))
            ttl = chance.choice([60, 300])
            action = chance.choice(["create", "update", "upsert", "delete"])
            yield item(zone, owner, action, *targets, config={"ttl": ttl})


@pytest.mark.parametrize("seed", [0, *map(thoroughly, range(1, 4))])
def test_a_random_sequence_is_taken_back(client: TestClient, zone: ZoneUnderTest, seed: int) -> None:
    """Batches of changes, an A that becomes a CNAME among them, and a rollback to the middle."""
    chance = random.Random(seed)
    do(client, zone, *random_items(zone, 12, chance))
    then, to = zone.transfer(), now()
    for _ in range(3):
        do(client, zone, *random_items(zone, 10, chance))
    there, between = zone.transfer(), now()
    found = roll_back(zone.name, to)
    assert found.left == []
    assert bool(found.items) == (there != then)
    apply(found)
    settle(zone)
    assert zone.transfer() == then
    apply(roll_back(zone.name, between))  # a rollback can be rolled back
    settle(zone)
    assert zone.transfer() == there


DS = f"1 13 2 {'AB' * 32}"


def random_cuts(zone: ZoneUnderTest, number: int, chance: random.Random) -> Iterable[dict[str, Any]]:
    """Delegations, DNAMEs, aliases and what excludes them, at names above each other; many of them fail."""
    targets = {
        "NS": [f"ns.a.{zone.name}", "ns.example.org", "ns2.example.org"],
        "DS": [DS, DS.replace("13", "8")],
        "DNAME": ["x.example.org", "y.example.org"],
        "CNAME": ["x.example.org", "y.example.org"],
        "A": ["192.0.2.1", "192.0.2.2"],
    }
    for _ in range(number):
        owner = chance.choice(["a", "b", "x.b", "y.x.b"])  # no other data at a delegation: no server shows it
        kinds = ["NS", "DS", "CNAME", "DNAME"] if owner == "a" else ["DNAME", "CNAME", "A"]
        kind = chance.choice(kinds)
        action = chance.choice(["upsert", "create", "delete"])
        given = () if action == "delete" else (chance.choice(targets[kind]),)
        yield item(zone, owner, action, *given, record_type=kind, config={"ttl": chance.choice([60, 300])})


@pytest.mark.parametrize("seed", [0, *map(thoroughly, range(1, 6))])
def test_delegations_and_dnames_are_taken_back(client: TestClient, zone: ZoneUnderTest, seed: int) -> None:
    """In whatever order they were made: each step of the plan can be made, and makes the zone as it was."""
    chance = random.Random(seed)
    do(client, zone, *random_cuts(zone, 20, chance))
    then, to = zone.transfer(), now()
    for _ in range(4):
        do(client, zone, *random_cuts(zone, 8, chance))
    there, between = zone.transfer(), now()
    for time_to, expected in ((to, then), (between, there)):
        found = roll_back(zone.name, time_to)
        # a deletion of what a delegation or a DNAME hides: nobody saw that there was nothing
        assert set(left(found).values()) <= {"state_unknown"}
        assert {each.effect.planned.outcome for each in found.planned} <= {"applied"}
        ids = apply(found)
        settle(zone)
        assert {fate(client, request_id) for request_id in ids} <= {"succeeded"}
        assert zone.transfer() == expected


def fate(client: TestClient, request_id: Any) -> str:
    found = client.get(f"/api/v1/dns/requests/{request_id}").raise_for_status().json()
    return str(found["error"]["code"] if found["error"] else found["status"])


def test_what_was_accepted_before_and_done_after(client: TestClient, zone: ZoneUnderTest) -> None:
    [failed] = do(client, zone, item(zone, "again", "update", "192.0.2.1"))
    do(client, zone, item(zone, "early", "create", "192.0.2.1"))
    accept(client, item(zone, "late", "create", "192.0.2.1"))
    to = now()
    settle(zone)
    zone.do("create", "again", "A", "192.0.2.2", ttl=60)
    client.post(f"/api/v1/dns/requests/{failed}/retry").raise_for_status()
    settle(zone)
    found = roll_back(zone.name, to)
    planned = [(each.effect.change.name, each.effect.change.action) for each in found.planned]
    assert planned == [(zone.full("again"), "upsert"), (zone.full("late"), "delete")]
    apply(found)
    settle(zone)
    assert zone.answer("again", "A") == (60, {"192.0.2.2"})
    assert (zone.values("early", "A"), zone.values("late", "A")) == ({"192.0.2.1"}, set())


def test_what_can_not_be_taken_back_is_named(client: TestClient, zone: ZoneUnderTest) -> None:
    name = zone.full("x").removeprefix("x")
    zone.do("create", "guarded", "A", "192.0.2.9")
    to = now()
    for number in (1, 2):
        do(
            client,
            zone,
            item(zone, "beside", "upsert", f"192.0.2.{number}"),
            item(zone, "plain", "upsert", f"192.0.2.{number}"),
            item(zone, "guarded", "upsert", f"192.0.2.{number}"),
            item(zone, "swap", "upsert", f"192.0.2.{number}"),
            item(zone, "swap", "delete"),
        )
        zone.do("create", "beside", "A", "192.0.2.8")
    accept(client, item(zone, "silent", "create", "192.0.2.1"))
    drain(zone.name, SilentRunner(zone), make_backends())
    do(client, zone, item(zone, "open", "create", "192.0.2.1"))
    accept(client, item(zone, "open", "create", "192.0.2.2"))
    client.patch(f"/api/v1/zones/{zone.name}", json={"protected_names": ["guarded"]}).raise_for_status()
    found = roll_back(zone.name, to)
    assert left(found) == {
        f"beside{name} A": "changed_outside",
        f"guarded{name} A": "name_protected",
        f"open{name} A": "open_requests",
        f"silent{name} A": "state_unknown",
    }
    assert [each.effect.change.name for each in found.planned] == [f"plain{name}"]
    apply(found)


@pytest.mark.thorough
def test_a_name_that_is_taken_now(client: TestClient, zone: ZoneUnderTest) -> None:
    """What is to come back has no room where something stays: it stays out, and is named."""
    do(client, zone, item(zone, "www", "create", "192.0.2.1"))
    to = now()
    do(client, zone, item(zone, "www", "delete"))
    alias = item(zone, "www", "create", "a.example.org", record_type="CNAME")
    do(client, zone, alias)
    accept(client, item(zone, "www", "upsert", "b.example.org", record_type="CNAME"))
    found = roll_back(zone.name, to)
    assert left(found) == {
        f"{zone.full('www')} A": "cname_conflict",
        f"{zone.full('www')} CNAME": "open_requests",
    }
    assert found.items == []


@pytest.mark.thorough
def test_who_asks(client: TestClient, zone: ZoneUnderTest) -> None:
    to = now()
    do(client, zone, item(zone, "www", "create", "192.0.2.1", account="team-b"))
    [plain] = roll_back(zone.name, to).items
    assert plain.body == {
        "context": {"account_id": "team-b"},
        "resource": {"record_type": "A", "domain": zone.full("www"), "zone": zone.name},
    }
    [given] = plan_rollback(zone.name, RollbackOrder(to, "team-c", "console", "a bad evening")).items
    assert isinstance(given.body, dict)
    assert given.body["context"] == {"account_id": "team-c", "source": "console"}
    assert given.body["resource"]["comment"] == "a bad evening"


@pytest.mark.thorough
def test_values_of_every_kind_come_back(client: TestClient, zone: ZoneUnderTest) -> None:
    kinds = {
        "t": ("TXT", '"a b" "c"', '"d"'),
        "_s._tcp": ("SRV", "1 2 3 h.example.org.", "4 5 6 i.example.org."),
        "@": ("NS", "ns9.example.org.", "ns8.example.org."),
        "m": ("MX", "10 a.example.org.", "20 a.example.org."),
    }
    for owner, (kind, old, _) in kinds.items():
        zone.do("create", owner, kind, old)
    then, to = zone.transfer(), now()
    config = {"priority": 4, "extra_config": {"weight": 5, "port": 6, "ticket": "c1"}}
    items = [item(zone, owner, "upsert", new, record_type=kind) for owner, (kind, _, new) in kinds.items()]
    items[1]["resource"]["config"] = config
    do(client, zone, *items)
    assert zone.transfer() != then
    found = roll_back(zone.name, to)
    assert found.left == []
    assert {"ticket": "c1"} in [each.effect.change.extra_config for each in found.planned]
    apply(found)
    settle(zone)
    assert zone.transfer() == then


def test_the_simulation_rolls_back(client: TestClient, new_zone: str, set_settings: SetSettings) -> None:
    set_settings(EXECUTOR="simulated")
    accept(client, body(new_zone, action="create", target="192.0.2.1"))
    drain(new_zone, make_runner(), make_backends())
    to = now()
    accept(client, body(new_zone, action="upsert", target="192.0.2.2"))
    drain(new_zone, make_runner(), make_backends())
    apply(roll_back(new_zone, to))
    drain(new_zone, make_runner(), make_backends())
    [record] = client.get("/api/v1/dns/records", params={"zone": new_zone}).json()["items"]
    assert record["target"] == ["192.0.2.1"]


def test_the_call(client: TestClient, zone: ZoneUnderTest) -> None:
    """Its answer is a plan that is kept, and applied as any other."""
    url = f"/api/v1/zones/{zone.name}/rollback"
    do(client, zone, item(zone, "www", "create", "192.0.2.1"))
    to = now()
    nothing = client.post(url, json={"to": to.isoformat()}).raise_for_status().json()
    assert (nothing["plan_id"], nothing["results"], nothing["not_taken_back"]) == (None, [], [])
    do(client, zone, item(zone, "www", "upsert", "192.0.2.2"), item(zone, "open", "upsert", "192.0.2.2"))
    accept(client, item(zone, "open", "upsert", "192.0.2.3"))
    asked = {"to": to.isoformat(), "context": {"account_id": "team-z"}, "comment": "back"}
    found = client.post(url, json=asked).raise_for_status().json()
    [result] = found["results"]
    assert result["change"]["after"] == {"ttl": 300, "target": ["192.0.2.1"]}
    [stays] = found["not_taken_back"]
    assert (stays["domain"], stays["record_type"], stays["code"]) == (zone.full("open"), "A", "open_requests")
    plan = f"/api/v1/dns/plans/{found['plan_id']}"
    assert client.get(plan).json() == found
    assert "not taken back  open." in client.get(plan, headers={"Accept": "text/plain"}).text
    [applied] = client.post(f"{plan}/apply").json()["results"]
    assert applied["request"]["context"]["account_id"] == "team-z"
    assert applied["request"]["resource"]["comment"] == "back"
    noted = client.get("/api/v1/access/audit").json()["items"][0]
    assert (noted["act"], noted["subject"]) == ("rollback_applied", zone.name)
    assert (noted["after"]["plan"], noted["after"]["requests"]) == (found["plan_id"], 1)
    settle(zone)
    assert zone.values("www", "A") == {"192.0.2.1"}
    wrong: Any
    for wrong in ({}, {"to": 5}, {"to": "yesterday"}, {"to": to.isoformat(), "x": 1}, []):
        assert client.post(url, json=wrong).status_code == 422
    assert codes(client.post(url, json={"to": "2999-01-01T00:00:00Z"})) == {"time_not_past"}
    gone = client.post("/api/v1/zones/never.test/rollback", json=asked)
    assert (gone.status_code, gone.json()["code"]) == (404, "zone_unknown")


def test_it_says_that_it_is_a_mass_change(client: TestClient, zone: ZoneUnderTest) -> None:
    """It is shown all the same, as Markdown too, and its apply asks for a word."""
    to = now()
    do(client, zone, *(item(zone, name, "create", "192.0.2.1") for name in ("a", "b", "c")))
    accept(client, item(zone, "c", "upsert", "192.0.2.3"))
    client.patch(f"/api/v1/zones/{zone.name}", json={"max_deletes": {"number": 1}}).raise_for_status()
    url, asked = f"/api/v1/zones/{zone.name}/rollback", {"to": to.isoformat()}
    found = client.post(url, json=asked).raise_for_status().json()
    [warning] = found["results"][0]["warnings"]
    assert warning["code"] == "mass_change"
    assert "deletes of 2 RRsets, where 1 may be" in warning["message"]
    answer = client.post(url, json=asked, headers={"Accept": "text/markdown"})
    assert (answer.status_code, answer.headers["content-type"][:13]) == (200, "text/markdown")
    *_, last = answer.text.splitlines()
    assert last.startswith(f"| | not taken back | `{zone.full('c')}` | A | ")
    assert "open_requests" in last
    applied = f"/api/v1/dns/plans/{found['plan_id']}/apply"
    assert codes(client.post(applied)) == {"mass_change"}
    assert client.post(applied, json={"allow_mass_change": True}).status_code == 207


def test_a_plan_is_stale_when_the_zone_has_moved(client: TestClient, zone: ZoneUnderTest) -> None:
    to = now()
    do(client, zone, item(zone, "www", "create", "192.0.2.1"))
    found = client.post(f"/api/v1/zones/{zone.name}/rollback", json={"to": to.isoformat()}).json()
    do(client, zone, item(zone, "www", "create", "192.0.2.2"))
    stale = client.post(f"/api/v1/dns/plans/{found['plan_id']}/apply")
    assert (stale.status_code, stale.json()["code"]) == (409, "plan_stale")


def test_bounds(client: TestClient, zone: ZoneUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    to = now()
    do(client, zone, *(item(zone, "www", "upsert", f"192.0.2.{n}") for n in range(3)))

    def refused(order_to: datetime) -> str:
        with pytest.raises(InvalidInput) as error:
            roll_back(zone.name, order_to)
        [reason] = error.value.reasons
        assert reason.loc == ("body", "to")
        return reason.code

    assert refused(datetime.now(UTC) + timedelta(seconds=60)) == "time_not_past"
    assert len(roll_back(zone.name, datetime.min.replace(tzinfo=UTC)).items) == 1
    with monkeypatch.context() as patched:
        patched.setattr(module, "MAX_DONE", 2)
        assert refused(to) == "rollback_too_large"
    with monkeypatch.context() as patched:
        patched.setattr(module, "MAX_OCTETS", 20)
        assert refused(to) == "rollback_too_large"
    for name in ("never.test", "a b"):
        with pytest.raises(ZoneNotFound):
            roll_back(name, to)


@pytest.mark.thorough
def test_values_that_were_there_are_no_news(client: TestClient, zone: ZoneUnderTest) -> None:
    texts = item(zone, "t", "create", '"a text"', record_type="TXT")
    alias = item(zone, "a", "create", "host.local", record_type="CNAME")
    do(client, zone, texts, alias)
    to = now()
    do(client, zone, *({**each, "action": "delete"} for each in (texts, alias)))
    asked = {"to": to.isoformat()}
    planned = client.post(f"/api/v1/zones/{zone.name}/rollback", json=asked).raise_for_status().json()
    assert [each["change"]["domain"] for each in planned["results"]] == [f"a.{zone.name}", f"t.{zone.name}"]
    assert [each.get("warnings") for each in planned["results"]] == [None, None]
    applied = client.post(f"/api/v1/dns/plans/{planned['plan_id']}/apply").raise_for_status().json()
    assert [each["status_code"] for each in applied["results"]] == [202, 202]
    assert not any("warnings" in each["request"] or "warnings" in each for each in applied["results"])


@pytest.mark.thorough
def test_what_a_change_of_values_warns_of_is_shown_when_it_is_applied(
    client: TestClient, zone: ZoneUnderTest
) -> None:
    sent = {"requests": [item(zone, "t", "create", '"a text"', record_type="TXT")]}
    planned = client.post("/api/v1/dns/plan", json=sent).raise_for_status().json()
    applied = client.post(f"/api/v1/dns/plans/{planned['plan_id']}/apply").raise_for_status().json()
    for answer in (planned, applied):
        [result] = answer["results"]
        assert [warning["code"] for warning in result["warnings"]] == ["quotes_not_kept"]


@pytest.mark.parametrize("changed", ["rr3", thoroughly("rr5")])
def test_what_is_changed_beside_us_sinks_no_other(
    client: TestClient, zone: ZoneUnderTest, changed: str
) -> None:
    """By the records nobody knows of it: it fails alone, and all the others are taken back."""
    do(client, zone, item(zone, "rr5", "create", "192.0.2.1"))
    to = now()
    do(client, zone, *(item(zone, f"rr{n}", "create", f"192.0.2.{n}") for n in range(3, 6)))
    zone.do("create", changed, "A", "192.0.2.99")
    planned = client.post(f"/api/v1/zones/{zone.name}/rollback", json={"to": to.isoformat()}).json()
    assert planned["atomic"] is False
    applied = client.post(f"/api/v1/dns/plans/{planned['plan_id']}/apply").raise_for_status().json()
    settle(zone)
    fates = {
        each["request"]["resource"]["domain"]: fate(client, each["request"]["id"])
        for each in applied["results"]
    }
    expected = {zone.full(f"rr{n}"): "succeeded" for n in range(3, 6)}
    assert fates == expected | {zone.full(changed): "state_changed"}
    assert "192.0.2.99" in zone.values(changed, "A")


@pytest.mark.thorough
def test_values_that_nobody_may_ask_for_come_back(client: TestClient, zone: ZoneUnderTest) -> None:
    """They were made beside us, and were there: as an undo, a rollback does not judge them."""
    made = {
        "p": ("PTR", "localhost.", "h.example.org"),
        "c": ("CNAME", r"a\000b.example.org.", "h.example.org"),
        "u": ("CNAME", "host.123.", "h.example.org"),
        "i": ("CAA", '0 issue "%%%%%"', '0 issue "ca.example.org"'),
        "j": ("CAA", r'0 issue "\255"', '0 issue "ca.example.org"'),
        "l": ("APL", "", "1:192.0.2.0/24"),
        "s": ("SSHFP", "7 3 " + "AB" * 20, "1 1 " + "AB" * 20),
        "e": ("CERT", "0 0 0 AA==", "1 0 8 AA=="),
        "_443._tcp.t": ("TLSA", f"9 9 9 {'AB' * 32}", f"3 1 1 {'AB' * 32}"),
    }
    for owner, (kind, old, _) in made.items():
        zone.do("create", owner, kind, old)
    then, to = zone.transfer(), now()
    do(
        client,
        zone,
        *(item(zone, owner, "upsert", new, record_type=kind) for owner, (kind, _, new) in made.items()),
    )
    assert zone.transfer() != then
    planned = client.post(f"/api/v1/zones/{zone.name}/rollback", json={"to": to.isoformat()}).json()
    assert planned["not_taken_back"] == []
    client.post(f"/api/v1/dns/plans/{planned['plan_id']}/apply").raise_for_status()
    settle(zone)
    assert zone.transfer() == then


def test_a_delegation_goes_and_comes_back_with_its_glue_and_ds(
    client: TestClient, zone: ZoneUnderTest
) -> None:
    host = f"ns.u.{zone.name}"
    made = [
        item(zone, "u", "create", host, "ns.example.org", record_type="NS"),
        item(zone, "ns.u", "create", "192.0.2.1"),
        item(zone, "ns.u", "create", "2001:db8::1", record_type="AAAA"),
        item(zone, "u", "create", DS, record_type="DS"),
    ]
    first, to = zone.transfer(), now()
    do(client, zone, *made)
    second, between = zone.transfer(), now()
    for time_to, expected in ((to, first), (between, second)):
        found = roll_back(zone.name, time_to)
        assert left(found) == {}
        assert {each.effect.planned.outcome for each in found.planned} == {"applied"}
        apply(found)
        settle(zone)
        assert zone.transfer() == expected


def test_what_its_caller_may_not_change_stays(client: TestClient, zone: ZoneUnderTest) -> None:
    to = now()
    do(client, zone, item(zone, "mine", "create", "192.0.2.1"), item(zone, "yours", "create", "192.0.2.1"))
    requester = Principal("token", frozenset({"team-a"}), frozenset({Role.REQUESTER}))
    grant = Grant("1", Effect.ALLOW, "team-a", zone=zone.name, names="mine")
    caller = Caller(requester, Grants([grant]))
    found = plan_rollback(zone.name, RollbackOrder(to, caller=caller))
    assert [each.effect.change.name for each in found.planned] == [f"mine.{zone.name}"]
    assert list(left(found).values()) == ["not_allowed"]
