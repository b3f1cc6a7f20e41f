"""The watcher on real servers: what is changed beside us is found, adopted and restored."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from fastapi.testclient import TestClient
from psycopg.errors import LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.core.database import transaction
from app.domain.server import Server
from app.services.zones import watch as watching
from app.services.zones.confirm import Confirmed, confirm
from app.services.zones.watch import Watcher
from stack.embedded import Stack
from tests.integration.services.zones.conftest import Watch, ZoneOn
from tests.support import powerdns
from tests.support.backends import Backends
from tests.support.eventually import eventually
from tests.support.name_servers import close_at_once, serving
from tests.support.proxy import proxy
from tests.support.settings import SetSettings
from tests.support.thoroughly import thoroughly
from tests.support.watching import WatchedZone, transferred
from tests.support.zones import ApiZoneUnderTest, ZoneUnderTest


def quarrel(zone: WatchedZone, beside: ZoneUnderTest) -> None:
    """We make two RRsets; somebody else makes one, changes one and deletes one."""
    zone.change("create", "ours", "192.0.2.1")
    zone.change("create", "other", "192.0.2.1")
    beside.do("create", "new", "TXT", '"not ours"')
    beside.do("upsert", "ours", "A", "192.0.2.9", ttl=60)
    beside.do("delete", "other", "A")


FOUND = {"new TXT": "added", "ours A": "changed", "other A": "missing"}


@pytest.mark.parametrize("server", ["bind", *map(thoroughly, ("knot", "api"))])
def test_what_is_changed_beside_us_is_shown_and_adopted(server: str, zone_on: ZoneOn, watch: Watch) -> None:
    beside = zone_on(server)
    zone = watch(beside)
    quarrel(zone, beside)
    zone.look()
    assert zone.kinds() == FOUND
    [changed] = [item for item in zone.drift()["items"] if item["kind"] == "changed"]
    assert changed["recorded"] == {"ttl": 300, "target": ["192.0.2.1"]}
    assert changed["found"] == {"ttl": 60, "target": ["192.0.2.9"]}
    assert zone.post("adopt", rrsets=[{"domain": "ours", "record_type": "A"}]).json()["adopted"] == 1
    assert zone.post("adopt").json()["adopted"] == 2
    zone.look()
    assert zone.kinds() == {}
    assert zone.records() == transferred(beside)
    assert zone.post("adopt").json()["code"] == "nothing_drifted"


@pytest.mark.parametrize("server", ["bind", *map(thoroughly, ("knot", "api"))])
def test_what_was_changed_is_restored_by_requests(server: str, zone_on: ZoneOn, watch: Watch) -> None:
    beside = zone_on(server)
    zone = watch(beside)
    quarrel(zone, beside)
    zone.look()
    answer = zone.post("restore", context={"reason": "nobody has asked for it"})
    assert answer.status_code == 202, answer.text
    assert [item["errors"] for item in answer.json()["items"]] == [[], [], []]
    assert zone.post("restore").status_code == 409  # that is under way
    zone.drain()
    assert zone.statuses([item["request_id"] for item in answer.json()["items"]]) == ["succeeded"] * 3
    zone.look()
    assert zone.kinds() == {}
    assert zone.records() == transferred(beside)
    assert beside.answer("ours", "A") == (300, {"192.0.2.1"})


def test_what_is_changed_once_more_is_not_restored(zone: WatchedZone, beside: ZoneUnderTest) -> None:
    zone.change("create", "ours", "192.0.2.1")
    beside.do("upsert", "ours", "A", "192.0.2.9")
    zone.look()
    [item] = zone.post("restore").json()["items"]
    beside.do("upsert", "ours", "A", "192.0.2.10")
    zone.drain()
    assert zone.statuses([item["request_id"]]) == ["failed"]
    zone.look()
    [drifted] = zone.drift()["items"]
    assert drifted["found"]["target"] == ["192.0.2.10"]
    assert beside.values("ours", "A") == {"192.0.2.10"}


@pytest.mark.parametrize("policy", ["adopt", "restore"])
def test_the_zones_setting_says_what_becomes_of_it(
    policy: str, client: TestClient, zone: WatchedZone, beside: ZoneUnderTest
) -> None:
    client.patch(zone.url, json={"drift": policy}).raise_for_status()
    zone.change("create", "ours", "192.0.2.1")
    beside.do("upsert", "ours", "A", "192.0.2.9")
    for _ in range(3):
        zone.look()
        zone.drain()
    assert zone.kinds() == {}
    assert beside.values("ours", "A") == {"192.0.2.9" if policy == "adopt" else "192.0.2.1"}
    assert zone.records() == transferred(beside)
    requests = client.get("/api/v1/dns/requests", params={"zone": zone.name}).json()["items"]
    assert len(requests) == (1 if policy == "adopt" else 2)


@pytest.mark.thorough
def test_what_is_changed_again_as_soon_as_it_is_restored_is_restored_again(
    client: TestClient, zone: WatchedZone, beside: ZoneUnderTest
) -> None:
    client.patch(zone.url, json={"drift": "restore"}).raise_for_status()
    zone.change("create", "ours", "192.0.2.1")
    for _ in range(2):  # each time before the watcher sees that it was restored
        beside.do("upsert", "ours", "A", "192.0.2.9")
        zone.look()
        zone.drain()
        assert beside.values("ours", "A") == {"192.0.2.1"}
    zone.look()
    assert zone.kinds() == {}


def test_what_can_not_be_restored_is_tried_once(
    client: TestClient, zone: WatchedZone, beside: ZoneUnderTest
) -> None:
    zone.change("create", "ours", "192.0.2.1")
    client.patch(zone.url, json={"drift": "restore", "protected_names": ["ours"]}).raise_for_status()
    beside.do("upsert", "ours", "A", "192.0.2.9")
    for _ in range(2):
        zone.look()
    assert zone.kinds() == {"ours A": "changed"}
    [item] = zone.post("restore").json()["items"]
    assert [error["type"] for error in item["errors"]] == ["name_protected"]


def test_under_load_nothing_of_ours_is_taken_for_drift(
    zone: WatchedZone, beside: ZoneUnderTest, set_settings: SetSettings
) -> None:
    """We change names that begin with o, somebody else others, and both some: the last one counts there."""
    set_settings(VERIFY_DEADLINE="1")  # what somebody else has overwritten is soon given up
    chance = random.Random(7)
    ended, ids = Event(), list[str]()

    def ask_and_drain() -> None:
        number = 0
        while not ended.is_set():
            owners = [f"o{chance.randrange(40)}" for _ in range(5)] + [f"both{number % 5}"]
            ids.extend(zone.ask(*(("upsert", owner, f"192.0.2.{number % 250}") for owner in owners)))
            number += 1
            zone.drain()

    load = Thread(target=ask_and_drain)
    load.start()
    theirs = set()
    somebody = ZoneUnderTest.__new__(ZoneUnderTest)
    somebody.__dict__.update(beside.__dict__)  # with outcomes of his own
    looks = 0
    while looks < 5 or len(ids) <= 20:
        looks += 1
        owner = f"theirs{chance.randrange(10)}"
        somebody.do("upsert", owner, "A", f"198.51.100.{chance.randrange(250)}")
        somebody.do("upsert", f"both{chance.randrange(5)}", "A", f"198.51.100.{chance.randrange(250)}")
        theirs.add(f"{owner} A")
        zone.look()
        seen = zone.kinds()
        assert theirs <= seen.keys() <= theirs | {f"both{number} A" for number in range(5)}
    ended.set()
    load.join()

    def is_calm() -> bool:
        zone.drain()
        zone.look()
        return not zone.drift()["candidates"]

    eventually(is_calm, limit=60)
    drifted = {(item["domain"], item["record_type"]): item["found"] for item in zone.drift()["items"]}
    there = transferred(beside)
    wrong = {key for key, state in there.items() if zone.records().get(key) != state}
    assert drifted.keys() == wrong
    assert {key: frozenset(found["target"]) for key, found in drifted.items()} == {
        key: there[key][1] for key in wrong
    }


class Crash(BaseException):
    """Stands for the end of the process."""


LOCKED = OperationalError("SELECT", {}, LockNotAvailable())


@pytest.mark.parametrize("fault", [RuntimeError(), thoroughly(LOCKED)])
def test_a_fault_with_one_zone_keeps_no_other_from_being_watched(
    fault: Exception,
    zone: WatchedZone,
    beside: ZoneUnderTest,
    zone_on: ZoneOn,
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    neighbour = zone_on("bind")
    watched = watch(neighbour)

    def fail(name: str, primary: Server) -> Confirmed:
        if name == zone.name:
            raise fault
        return confirm(name, primary)

    beside.do("create", "new", "A", "192.0.2.1")
    neighbour.do("create", "new", "A", "192.0.2.1")
    with monkeypatch.context() as patched:
        patched.setattr(watching, "confirm", fail)
        zone.look()
    assert (zone.kinds(), watched.kinds()) == ({}, {"new A": "added"})
    zone.look()
    assert zone.kinds() == {"new A": "added"}


@pytest.mark.thorough
def test_the_next_primary_is_read_while_the_first_is_away(
    watch: Watch, beside: ZoneUnderTest, tmp_path: Path
) -> None:
    backends = Backends(tmp_path)
    zone = watch(beside, backends)
    inventory = backends.file_of(beside)
    address, port = beside.target.address, beside.target.port
    both = f'dns_server: ["{address}:9", "{address}:{port}"]'
    inventory.write_text(inventory.read_text().replace(f'dns_server: "{address}"', both))
    beside.do("create", "new", "A", "192.0.2.1")
    zone.look()
    assert zone.kinds() == {"new A": "added"}


def test_a_crash_before_drift_is_confirmed_loses_nothing(
    zone: WatchedZone, beside: ZoneUnderTest, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise Crash

    beside.do("create", "new", "A", "192.0.2.9")
    with monkeypatch.context() as patched:
        patched.setattr(watching, "confirm", crash)
        with pytest.raises(Crash):
            zone.look()
    assert (zone.kinds(), zone.drift()["candidates"]) == ({}, 1)
    assert zone.drift()["serial"] == zone.shown()["servers"][0]["serial"]
    watcher.end()
    another = Watcher()
    another.look()
    another.end()
    assert zone.kinds() == {"new A": "added"}


def test_a_run_that_is_lost_is_no_drift(zone: WatchedZone, beside: ZoneUnderTest) -> None:
    """Its change has been applied, and nobody has recorded it yet."""
    [request] = zone.ask(("create", "ours", "192.0.2.1"))
    beside.do("create", "ours", "A", "192.0.2.1")
    with transaction() as session:
        claimed = "UPDATE dns_requests SET status = 'running', started_at = now(), attempts = 1"
        session.execute(text(claimed))
    zone.look()
    assert (zone.kinds(), zone.drift()["candidates"]) == ({}, 1)
    with transaction() as session:
        session.execute(text("UPDATE dns_requests SET status = 'pending'"))
    zone.look()
    assert zone.kinds() == {}
    zone.drain()
    assert zone.statuses([request]) == ["succeeded"]
    zone.look()
    assert (zone.kinds(), zone.drift()["candidates"]) == ({}, 0)


@pytest.mark.parametrize("serial", [thoroughly(1_000), 3])
def test_a_master_file_that_is_loaded_anew_is_compared(
    serial: int, infrastructure: Stack, zone: WatchedZone, beside: ZoneUnderTest
) -> None:
    """Also one whose serial has gone back."""
    zone.ask(*(("create", f"ours{number}", "192.0.2.1") for number in range(10)))
    zone.drain()
    zone.look()
    path = infrastructure.data("bind") / "zones" / beside.name
    known = f"{zone.shown()['serial']} "
    with infrastructure.frozen(beside.name):
        eventually(lambda: known in path.read_text() and "ours9" in path.read_text())
        lines = [line for line in path.read_text().splitlines() if not line.startswith("ours3")]
        whole = "\n".join(lines).replace(known, f"{serial} ", 1)
        path.write_text(f"{whole}\nhand 300 A 192.0.2.77\n")
        path.with_name(f"{path.name}.jnl").unlink(missing_ok=True)
    zone.look()
    assert zone.shown()["serial"] == serial
    assert zone.kinds() == {"hand A": "added", "ours3 A": "missing"}


def test_a_record_that_its_api_has_put_in_the_place_of_another(zone_on: ZoneOn, watch: Watch) -> None:
    beside = zone_on("api")
    assert isinstance(beside, ApiZoneUnderTest)
    zone = watch(beside)
    zone.change("create", "ours", "192.0.2.1")
    powerdns.put(beside, "ours", "A", "192.0.2.5")
    powerdns.put(beside, "new", "AAAA", "2001:db8::5")
    zone.look()
    assert zone.kinds() == {"ours A": "changed", "new AAAA": "added"}


def test_what_a_serial_does_not_tell_is_found_when_somebody_asks(
    zone_on: ZoneOn, watch: Watch, more_name_servers: Stack, set_settings: SetSettings
) -> None:
    """A record that was put into the server's database: PowerDNS neither counts nor shows it for a while."""
    beside = zone_on("api")
    zone = watch(beside)
    powerdns.insert(more_name_servers, beside, "sly", "A", "192.0.2.66", 300)
    zone.look()
    assert zone.kinds() == {}
    assert zone.post("check").json()["comparison_wanted"]
    zone.look()
    assert not zone.drift()["comparison_wanted"]
    assert zone.kinds() == {"sly A": "added"}
    assert zone.post("check", rrsets=[{"domain": "sly", "record_type": "A"}]).json()["candidates"] == 1
    zone.look()
    assert zone.kinds() == {"sly A": "added"}


def test_a_large_zone_is_not_transferred_for_ten_changes(
    infrastructure: Stack, zone_on: ZoneOn, client: TestClient, watch: Watch
) -> None:
    beside = zone_on("bind")
    path = infrastructure.data("bind") / "zones" / beside.name
    with infrastructure.frozen(beside.name):
        records = "".join(f"h{n} 300 A 10.{n >> 16}.{n >> 8 & 255}.{n & 255}\n" for n in range(1_000))
        path.write_text(path.read_text().replace(" 1 3600", " 2 3600") + records)
    with proxy(beside.target.address, beside.target.port) as counted:
        beside_port = beside.target
        beside.target = beside.target._replace(port=counted.port)
        zone = watch(beside)
        beside.target = beside_port
        assert zone.drift()["drifted"] == 0
        whole = counted.octets
        assert whole > 20_000
        for number in range(10):
            beside.do("upsert", f"h{number}", "A", "192.0.2.1")
        zone.look()
        assert zone.drift()["drifted"] == 10
        assert counted.octets - whole < 20_000


@pytest.mark.thorough
def test_serials_are_shown_as_they_are_on_each_server(
    watch: Watch, beside: ZoneUnderTest, client: TestClient, tmp_path: Path
) -> None:
    backends = Backends(tmp_path)
    zone = watch(beside, backends)
    before = zone.shown()["servers"]
    assert [server["error"] for server in before] == [None]
    zone.look()
    assert zone.shown()["servers"] == before
    beside.do("create", "new", "A", "192.0.2.1")
    zone.look()
    [now] = zone.shown()["servers"]
    assert now["serial"] == before[0]["serial"] + 1 == zone.shown()["serial"]
    assert now["since"] > before[0]["since"]
    inventory = backends.file_of(beside)
    whole = inventory.read_text()
    with serving(close_at_once) as away:
        inventory.write_text(f"{whole}        - {{address: {away.address}, port: {away.port}}}\n")
        for _ in range(2):
            zone.look()
        servers = zone.shown()["servers"]
        assert [server["serial"] for server in servers] == [now["serial"], None]
        assert servers[1]["error"] == "it hung up without an answer"
    inventory.write_text(whole)
    zone.look()
    assert zone.shown()["servers"] == [now]


def test_what_is_quiet_is_not_written(zone: WatchedZone) -> None:
    def versions() -> list[str]:
        with transaction() as session:
            return list(session.scalars(text("SELECT xmin::text || ctid::text FROM dns_zone_states")))

    zone.look()
    before = versions()
    zone.look()
    assert versions() == before


def test_one_process_watches_a_backend(zone: WatchedZone, beside: ZoneUnderTest, watcher: Watcher) -> None:
    another = Watcher()
    beside.do("create", "new", "A", "192.0.2.1")
    another.look()
    assert zone.kinds() == {}
    watcher.end()
    another.look()
    another.end()
    assert zone.kinds() == {"new A": "added"}


@pytest.mark.thorough
def test_a_zone_that_is_not_transferred_says_why(watch: Watch, beside: ZoneUnderTest, tmp_path: Path) -> None:
    backends = Backends(tmp_path)
    zone = watch(beside, backends)
    inventory = backends.file_of(beside)
    whole = inventory.read_text()
    inventory.write_text(whole.replace("dns_tsig_key_file", "unused"))
    beside.do("create", "new", "A", "192.0.2.1")
    zone.look()
    assert "REFUSED" in zone.drift()["error"]
    assert zone.kinds() == {}
    inventory.write_text(whole)


def test_a_zone_that_was_never_imported_has_serials_alone(
    client: TestClient, zone: WatchedZone, beside: ZoneUnderTest
) -> None:
    with transaction() as session:
        session.execute(text("UPDATE dns_zone_states SET imported_at = NULL, import_state = NULL"))
    beside.do("create", "new", "A", "192.0.2.1")
    zone.look()
    assert zone.shown()["servers"][0]["serial"]
    assert (zone.kinds(), zone.drift()["candidates"]) == ({}, 0)
    assert zone.post("check").json()["code"] == "zone_not_imported"


def test_a_zone_that_another_backend_serves_is_compared_anew(
    client: TestClient, zone: WatchedZone, zone_on: ZoneOn, watch: Watch, beside: ZoneUnderTest
) -> None:
    zone.change("create", "ours", "192.0.2.1")
    assert zone.shown()["serial"] is not None
    client.patch(zone.url, json={"backend": "elsewhere"}).raise_for_status()
    assert (zone.shown()["serial"], zone.shown()["servers"]) == (None, None)


def test_each_act_is_in_the_audit(client: TestClient, zone: WatchedZone, beside: ZoneUnderTest) -> None:
    quarrel(zone, beside)
    zone.look()
    for act, owner in (("adopt", "ours"), ("restore", "other")):
        zone.post(act, rrsets=[{"domain": owner, "record_type": "A"}]).raise_for_status()
    zone.post("check")
    entries = client.get("/api/v1/access/audit").json()["items"]
    checked, restored, adopted = entries[:3]
    assert [each["act"] for each in entries[:3]] == ["drift_check_wanted", "drift_restored", "drift_adopted"]
    assert {each["subject"] for each in entries[:3]} == {zone.name}
    ours = f"ours.{zone.name} A"
    assert adopted["before"]["recorded"] == {ours: {"ttl": 300, "rdata": ["192.0.2.1"]}}
    assert adopted["after"]["found"] == {ours: {"ttl": 60, "rdata": ["192.0.2.9"]}}
    assert restored["after"]["rrsets"] == 1
    assert checked["after"] == {"rrsets": None}


def test_a_zone_that_is_removed_takes_what_nobody_has_asked_for(
    client: TestClient, zone: WatchedZone, beside: ZoneUnderTest
) -> None:
    quarrel(zone, beside)
    zone.look()
    zone.post("adopt").raise_for_status()
    client.delete(zone.url).raise_for_status()
    left = client.get("/api/v1/dns/records", params={"zone": zone.name}).json()["items"]
    assert [(each["domain"], each["origin"]) for each in left] == [(f"ours.{zone.name}", "adopted")]


def test_what_no_answer_shows_stays_drift_when_it_is_looked_at_again(
    client: TestClient, zone: WatchedZone, beside: ZoneUnderTest
) -> None:
    beside.do("create", "cut", "NS", "ns.example.net.")
    beside.do("create", "x.cut", "A", "192.0.2.1")
    zone.look()
    for rrsets in ({"rrsets": [{"domain": "x.cut", "record_type": "A"}]}, {}):
        assert zone.post("check", **rrsets).status_code == 202
        zone.look()
        assert zone.kinds() == {"cut NS": "added", "x.cut A": "added"}


def test_drift_comes_in_pages_and_bad_names_are_refused(zone: WatchedZone, beside: ZoneUnderTest) -> None:
    beside.apply(*(beside.change("create", f"n{number}", "A", "192.0.2.1") for number in range(5)))
    zone.look()
    first = zone.drift(limit=3)
    rest = zone.drift(limit=3, cursor=first["next_cursor"])
    names = [item["domain"] for item in first["items"] + rest["items"]]
    assert names == [f"n{number}.{zone.name}" for number in range(5)]
    assert rest["next_cursor"] is None
    bad = zone.post(
        "adopt",
        rrsets=[{"domain": "www.other.test.", "record_type": "A"}, {"domain": "..", "record_type": "A"}],
    )
    assert bad.status_code == 422
    assert [reason["loc"][1:] for reason in bad.json()["detail"]] == [
        ["rrsets", 0, "domain"],
        ["rrsets", 1, "domain"],
    ]
    assert zone.drift()["drifted"] == 5


def test_the_thread_goes_on_whatever_happens(
    zone: WatchedZone,
    beside: ZoneUnderTest,
    watcher: Watcher,
    set_settings: SetSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watcher.end()
    set_settings(WATCH_INTERVAL="0.05")
    calls: list[int] = []
    real: Callable[[Watcher], None] = Watcher.look

    def look(self: Watcher) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError
        real(self)

    monkeypatch.setattr(Watcher, "look", look)
    stop = Event()
    thread = Thread(target=watching.watch_until, args=[stop])
    thread.start()
    beside.do("create", "new", "A", "192.0.2.1")
    deadline = time.monotonic() + 60
    while not zone.kinds() and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    thread.join()
    assert zone.kinds() == {"new A": "added"}
