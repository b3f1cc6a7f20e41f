"""Batches over PowerDNS's API that meet trouble: refused keys, failing servers, lost answers."""

import json
from pathlib import Path

import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns import batch

from stack.embedded import Stack
from tests.support.powerdns import Answer, call, creates, http_server, insert, intercepted, put
from tests.support.zones import APPLIED, UNCHANGED, ApiZoneUnderTest, failed


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "RETRY_PAUSES", (0.01, 0.01, 0.01))


def test_a_key_that_the_server_refuses(zone: ApiZoneUnderTest) -> None:
    zone.api_key = "not-the-key"
    assert zone.apply(*creates(zone, 2)) == [failed("auth_refused")] * 2
    assert "refused the API key (401)" in str(zone.outcomes.problem)
    assert "not-the-key" not in str(zone.outcomes.problem)
    assert zone.values("h0", "A") == set()


def test_a_zone_that_the_server_does_not_have(zone: ApiZoneUnderTest) -> None:
    zone.name = "not-served-here.test"
    assert zone.apply(*creates(zone, 2)) == [failed("zone_not_loaded")] * 2


def test_a_zone_whose_name_is_no_plain_path(more_name_servers: Stack) -> None:
    more_name_servers.add_zone("0/26.2.0.192.in-addr.arpa", "powerdns")
    zone = ApiZoneUnderTest(more_name_servers, "0/26.2.0.192.in-addr.arpa")
    assert zone.do("create", "7", "PTR", "host.example.org.") == APPLIED
    assert zone.values("7", "PTR") == {"host.example.org."}


def test_a_server_that_is_down(zone: ApiZoneUnderTest) -> None:
    with http_server(lambda *_: None) as zone.url:
        pass
    assert zone.apply(*creates(zone, 2)) == [failed("server_unreachable")] * 2
    assert "no answer from 127.0.0.1" in str(zone.outcomes.problem)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        (200, {}, b"<html>Welcome</html>"),
        (200, {}, b'{"name": "x"}'),
        (200, {}, b'[{"name": 7}]'),
        (404, {}, b"Not Found"),
        (200, {"Content-Length": "1000"}, b"[]"),
    ],
)
def test_what_is_no_api_has_changed_nothing(zone: ApiZoneUnderTest, answer: Answer | None) -> None:
    zone.timeout = 0.5
    with http_server(lambda *_: answer) as zone.url:
        assert zone.apply(*creates(zone, 2)) == [failed("server_unreachable")] * 2


def test_the_key_goes_nowhere_else(zone: ApiZoneUnderTest) -> None:
    visits: list[str] = []

    def elsewhere(method: str, path: str, body: bytes) -> Answer:
        visits.append(path)
        return 200, {}, b"[]"

    with http_server(elsewhere) as other, http_server(lambda *_: (307, {"Location": other}, b"")) as zone.url:
        assert zone.do("create", "a", "A", "192.0.2.1") == failed("server_unreachable")
    assert visits == []
    assert "307" in str(zone.outcomes.problem)


def test_certificates_are_checked(zone: ApiZoneUnderTest, tmp_path: Path) -> None:
    zone.url = zone.url.replace("http:", "https:")
    assert zone.do("create", "www", "A", "192.0.2.1") == failed("server_unreachable")


# --- servers that trip


def test_silence_after_a_call_leaves_the_outcome_unknown(zone: ApiZoneUnderTest) -> None:
    put(zone, "there", "A", "192.0.2.1")
    with intercepted(zone, lambda body: None):
        said = zone.apply(
            zone.change("create", "new", "A", "192.0.2.1"),
            zone.change("create", "there", "A", "192.0.2.1"),
            zone.change("create", "bad", "A", "nonsense"),
        )
    assert said == [failed("no_answer"), UNCHANGED, failed("invalid_change")]
    assert "127.0.0.1" in str(zone.outcomes.problem)


def test_a_server_that_fails_as_a_whole_is_not_asked_for_each_change(zone: ApiZoneUnderTest) -> None:
    bodies: list[bytes] = []

    def fail_when_asked_for_something(body: bytes) -> Answer:
        bodies.append(body)
        status = 204 if json.loads(body)["rrsets"] == [] else 500
        return status, {}, b'{"error": "database is locked"}'

    with intercepted(zone, fail_when_asked_for_something):
        changes = creates(zone, 500)
        assert zone.apply(*changes) == [failed("zone_failed")] * 500
    assert len(bodies) < 50
    assert "database is locked (500)" in zone.message(changes[0])


@pytest.mark.parametrize(
    ("status", "code"),
    [(500, "zone_failed"), (503, "zone_failed"), (404, "zone_not_loaded"), (422, "zone_refuses_updates")],
)
def test_what_is_refused_as_a_whole_is_not_bisected(zone: ApiZoneUnderTest, status: int, code: str) -> None:
    with intercepted(zone, lambda body: (status, {}, b"no")):
        assert zone.apply(*creates(zone, 100)) == [failed(code)] * 100
    assert zone.outcomes.messages < 6


def test_a_failure_that_passes(zone: ApiZoneUnderTest) -> None:
    real = zone.url
    answers: list[Answer] = [(500, {}, b"locked")] * 3

    def trip(body: bytes) -> Answer:
        path = f"/api/v1/servers/localhost/zones/{zone.name}."
        return answers.pop() if answers else call(zone, "PATCH", path, body, real)

    with intercepted(zone, trip):
        assert zone.apply(*creates(zone, 50)) == [APPLIED] * 50
    assert zone.outcomes.messages == 4
    assert zone.values("h49", "A") == {"192.0.2.1"}


def test_a_key_that_is_taken_back_meanwhile(zone: ApiZoneUnderTest) -> None:
    with intercepted(zone, lambda body: (401, {}, b"Unauthorized")):
        assert zone.apply(*creates(zone, 2)) == [failed("auth_refused")] * 2


def test_one_record_on_which_the_server_trips(zone: ApiZoneUnderTest) -> None:
    real = zone.url

    def trip(body: bytes) -> Answer:
        if b"h33." in body:
            return 500, {}, b'{"error": "Data too long"}'
        return call(zone, "PATCH", f"/api/v1/servers/localhost/zones/{zone.name}.", body, real)

    with intercepted(zone, trip):
        said = zone.apply(*creates(zone, 60))
    assert said == [APPLIED] * 33 + [failed("server_failed")] + [APPLIED] * 26
    assert zone.values("h59", "A") == {"192.0.2.1"}


@pytest.mark.parametrize("status", [500, 503])
def test_a_zone_that_the_server_fails_to_read_is_that_zones_trouble(
    zone: ApiZoneUnderTest, status: int
) -> None:
    real = zone.url

    def answer(method: str, path: str, body: bytes) -> Answer:
        is_zone = path.partition("?")[0].endswith(f"/zones/{zone.name}.")
        return (status, {}, b"broken") if is_zone else call(zone, method, path, body, real)

    with http_server(answer) as zone.url:
        changes = creates(zone, 2)
        assert zone.apply(*changes) == [failed("zone_failed")] * 2
    assert f"broken ({status})" in zone.message(changes[0])


def test_one_record_that_the_server_can_not_parse(zone: ApiZoneUnderTest, more_name_servers: Stack) -> None:
    insert(more_name_servers, zone, "bad", "TXT", "no quotes", 60)
    changes = creates(zone, 2)
    assert zone.apply(*changes) == [failed("zone_failed")] * 2
    assert "one record that it can't parse is enough" in zone.message(changes[0])


def test_records_of_one_rrset_that_differ_in_their_ttl(
    zone: ApiZoneUnderTest, more_name_servers: Stack
) -> None:
    for owner in ("www", "gone"):
        insert(more_name_servers, zone, owner, "A", "192.0.2.1", 3600)
        insert(more_name_servers, zone, owner, "A", "192.0.2.2", 60)
    both = ("192.0.2.1", "192.0.2.2")
    assert zone.do("delete", "gone", "A", "192.0.2.1") == APPLIED
    assert zone.do("upsert", "www", "A", *both, ttl=60) == APPLIED
    assert zone.do("upsert", "www", "A", *both, ttl=60) == UNCHANGED
    assert zone.ttls("www", "A") == [60, 60]


def test_secondaries_are_told_at_once(zone: ApiZoneUnderTest) -> None:
    told: list[str] = []
    real = zone.url
    path = f"/api/v1/servers/localhost/zones/{zone.name}."

    def answer(method: str, path: str, body: bytes) -> Answer:
        told.extend([path] if path.endswith("/notify") else [])
        return call(zone, method, path, body, real)

    with http_server(answer) as zone.url:
        assert zone.do("create", "a", "A", "192.0.2.1") == APPLIED
        assert told == []  # its kind is "Native"
        call(zone, "PUT", path, b'{"kind": "Master"}', real)
        assert zone.do("create", "a", "A", "192.0.2.2") == APPLIED
        assert zone.do("create", "a", "A", "192.0.2.2") == UNCHANGED
        assert told == [f"{path}/notify"]
        call(zone, "PUT", path, b'{"soa_edit_api": ""}', real)
        assert zone.do("create", "a", "A", "192.0.2.3") == APPLIED
        assert told == [f"{path}/notify"]  # it would tell them nothing


@pytest.mark.parametrize(
    ("kind", "edit", "words"),
    [
        ("Master", "", "it has no SOA-EDIT-API:"),
        ("Native", "", "it has no SOA-EDIT-API, and a zone of the kind Native sends no NOTIFY:"),
        ("Master", "OFF", "its SOA-EDIT-API is OFF:"),
        ("Master", "INCEPTION-INCREMENT", "its SOA-EDIT-API is INCEPTION-INCREMENT:"),
        ("Master", "EPOCH", "goes back to"),  # from the date, with which the zone began
    ],
)
def test_a_serial_that_does_not_grow_is_told(
    zone: ApiZoneUnderTest, kind: str, edit: str, words: str
) -> None:
    assert zone.do("create", "a", "A", "192.0.2.1") == APPLIED
    assert zone.outcomes.problem is None
    settings = json.dumps({"kind": kind, "soa_edit_api": edit}).encode()
    call(zone, "PUT", f"/api/v1/servers/localhost/zones/{zone.name}.", settings)
    change = zone.change("create", "a", "A", "192.0.2.3")
    assert zone.apply(change) == [APPLIED]
    assert words in str(zone.outcomes.results[change["request_id"]].note)
    assert words in str(zone.outcomes.problem)


def test_a_notify_that_fails_fails_no_change(zone: ApiZoneUnderTest) -> None:
    real = zone.url
    call(zone, "PUT", f"/api/v1/servers/localhost/zones/{zone.name}.", b'{"kind": "Master"}', real)

    def answer(method: str, path: str, body: bytes) -> Answer | None:
        return None if path.endswith("/notify") else call(zone, method, path, body, real)

    zone.timeout = 1
    with http_server(answer) as zone.url:
        assert zone.apply(*creates(zone, 2)) == [APPLIED] * 2
    assert "could not be notified" in str(zone.outcomes.problem)
