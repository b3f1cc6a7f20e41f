"""Batches over PowerDNS's API: refused keys, failing servers, lost answers, what is not ours."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns import batch
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.zone import Zone

from stack.embedded import Stack
from tests.integration.batches import APPLIED, UNCHANGED, UNKNOWN, ApiZoneUnderTest, failed
from tests.integration.conftest import ZoneOn

Answer = tuple[int, dict[str, str], bytes]  # status, headers, body
Answerer = Callable[[str, str, bytes], Answer | None]  # of method, path and body; None: close without a word


@pytest.fixture
def zone(zone_on: ZoneOn, monkeypatch: pytest.MonkeyPatch) -> ApiZoneUnderTest:
    monkeypatch.setattr(batch, "PAUSES", (0.01, 0.01, 0.01))
    made = zone_on("api")
    assert isinstance(made, ApiZoneUnderTest)
    return made


@pytest.fixture
def http_server() -> "ServerMaker":
    return _http_server


ServerMaker = Callable[[Answerer], Any]


@contextmanager
def _http_server(answer: Answerer) -> Iterator[str]:
    """An HTTP server that treats every call as it is told to; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = answer(self.command, self.path, self.rfile.read(int(self.headers["Content-Length"] or 0)))
            if said is None:
                self.close_connection = True
                return
            status, headers, body = said
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_PATCH = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def call(zone: ApiZoneUnderTest, method: str, path: str, body: bytes = b"", url: str = "") -> Answer:
    """Call the API itself, where it is really."""
    request = Request((url or zone.url) + path, body or None, {"X-API-Key": zone.api_key}, method=method)
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, {}, answer.read()
    except HTTPError as error:
        return error.code, {}, error.read()


def put(zone: ApiZoneUnderTest, owner: str, rdtype: str, *records: str, **more: object) -> None:
    """Put an RRset there behind the plugin's back; a record that begins with "-" is disabled."""
    contents = [{"content": text.removeprefix("-"), "disabled": text.startswith("-")} for text in records]
    rrset = {"name": f"{zone.full(owner)}.", "type": rdtype, "ttl": 300, "changetype": "REPLACE"}
    body = json.dumps({"rrsets": [rrset | {"records": contents} | more]}).encode()
    status, _, said = call(zone, "PATCH", f"/api/v1/servers/localhost/zones/{zone.name}.", body)
    assert status == 204, said


def there(zone: ApiZoneUnderTest, owner: str) -> dict[str, Any]:
    rrsets = json.loads(call(zone, "GET", f"/api/v1/servers/localhost/zones/{zone.name}.")[2])["rrsets"]
    return {rrset["type"]: rrset for rrset in rrsets if rrset["name"] == f"{zone.full(owner)}."}


def many(zone: ApiZoneUnderTest, number: int) -> list[dict[str, Any]]:
    return [zone.change("create", f"h{index}", "A", "192.0.2.1") for index in range(number)]


# --- keys, zones, servers that are away


def test_a_key_that_the_server_refuses(zone: ApiZoneUnderTest) -> None:
    zone.api_key = "not-the-key"
    assert zone.apply(*many(zone, 2)) == [failed("auth_refused")] * 2
    assert "refused the API key (401)" in str(zone.problem)
    assert "not-the-key" not in str(zone.problem)
    assert zone.values("h0", "A") == set()


def test_a_zone_that_the_server_does_not_have(zone: ApiZoneUnderTest) -> None:
    zone.name = "not-served-here.test"
    assert zone.apply(*many(zone, 2)) == [failed("not_zone")] * 2
    assert zone.problem is None


def test_a_zone_whose_name_is_no_plain_path(more_name_servers: Stack) -> None:
    more_name_servers.add_zone("0/26.2.0.192.in-addr.arpa", "powerdns")
    zone = ApiZoneUnderTest(more_name_servers, "0/26.2.0.192.in-addr.arpa")
    assert zone.do("create", "7", "PTR", "host.example.org.") == APPLIED
    assert zone.values("7", "PTR") == {"host.example.org."}


def test_a_server_that_is_down(zone: ApiZoneUnderTest, http_server: ServerMaker) -> None:
    with http_server(lambda *_: None) as zone.url:
        pass
    assert zone.apply(*many(zone, 2)) == [failed("server_unreachable")] * 2
    assert "no answer from 127.0.0.1" in str(zone.problem)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        (200, {}, b"<html>Welcome</html>"),
        (200, {}, b'{"name": "x"}'),
        (200, {}, b'[{"name": 7}]'),
        (404, {}, b"Not Found"),
        (500, {}, b"Internal Server Error"),
        (200, {"Content-Length": "1000"}, b"[]"),
    ],
)
def test_what_is_no_api_has_changed_nothing(
    zone: ApiZoneUnderTest, http_server: ServerMaker, answer: Answer | None
) -> None:
    zone.timeout = 0.5
    with http_server(lambda *_: answer) as zone.url:
        assert zone.apply(*many(zone, 2)) == [failed("server_unreachable")] * 2


def test_the_key_goes_nowhere_else(zone: ApiZoneUnderTest, http_server: ServerMaker) -> None:
    visits: list[str] = []

    def elsewhere(method: str, path: str, body: bytes) -> Answer:
        visits.append(path)
        return 200, {}, b"[]"

    with http_server(elsewhere) as other, http_server(lambda *_: (307, {"Location": other}, b"")) as zone.url:
        assert zone.do("create", "a", "A", "192.0.2.1") == failed("server_unreachable")
    assert visits == []
    assert "307" in str(zone.problem)


# --- servers that trip: questions go to the real server, and changes meet what is told


@contextmanager
def tripping(
    zone: ApiZoneUnderTest, make: ServerMaker, trip: Callable[[bytes], Answer | None]
) -> Iterator[None]:
    real = zone.url

    def answer(method: str, path: str, body: bytes) -> Answer | None:
        return trip(body) if method == "PATCH" else call(zone, method, path, body, real)

    with make(answer) as zone.url:
        yield
    zone.url = real


def test_silence_after_a_call_leaves_the_outcome_unknown(
    zone: ApiZoneUnderTest, http_server: ServerMaker
) -> None:
    put(zone, "there", "A", "192.0.2.1")
    with tripping(zone, http_server, lambda body: None):
        said = zone.apply(
            zone.change("create", "new", "A", "192.0.2.1"),
            zone.change("create", "there", "A", "192.0.2.1"),
            zone.change("create", "bad", "A", "nonsense"),
        )
    assert said == [UNKNOWN, UNCHANGED, failed("invalid_change")]
    assert "127.0.0.1" in str(zone.problem)


def test_a_server_that_fails_as_a_whole_is_not_asked_for_each_change(
    zone: ApiZoneUnderTest, http_server: ServerMaker
) -> None:
    bodies: list[bytes] = []

    def fail_when_asked_for_something(body: bytes) -> Answer:
        bodies.append(body)
        status = 204 if json.loads(body)["rrsets"] == [] else 500
        return status, {}, b'{"error": "database is locked"}'

    with tripping(zone, http_server, fail_when_asked_for_something):
        changes = many(zone, 500)
        assert zone.apply(*changes) == [failed("server_failed")] * 500
    assert len(bodies) < 50
    assert "database is locked (500)" in zone.message(changes[0])


@pytest.mark.parametrize(
    ("status", "code"), [(500, "server_failed"), (503, "server_failed"), (404, "not_zone"), (422, "refused")]
)
def test_what_is_refused_as_a_whole_is_not_bisected(
    zone: ApiZoneUnderTest, http_server: ServerMaker, status: int, code: str
) -> None:
    with tripping(zone, http_server, lambda body: (status, {}, b"no")):
        assert zone.apply(*many(zone, 100)) == [failed(code)] * 100
    assert zone.ledger.messages < 6


def test_a_failure_that_passes(zone: ApiZoneUnderTest, http_server: ServerMaker) -> None:
    real = zone.url
    answers: list[Answer] = [(500, {}, b"locked")] * 3

    def trip(body: bytes) -> Answer:
        path = f"/api/v1/servers/localhost/zones/{zone.name}."
        return answers.pop() if answers else call(zone, "PATCH", path, body, real)

    with tripping(zone, http_server, trip):
        assert zone.apply(*many(zone, 50)) == [APPLIED] * 50
    assert zone.ledger.messages == 4
    assert zone.values("h49", "A") == {"192.0.2.1"}


def test_a_key_that_is_taken_back_meanwhile(zone: ApiZoneUnderTest, http_server: ServerMaker) -> None:
    with tripping(zone, http_server, lambda body: (401, {}, b"Unauthorized")):
        assert zone.apply(*many(zone, 2)) == [failed("auth_refused")] * 2


def test_one_record_on_which_the_server_trips(zone: ApiZoneUnderTest, http_server: ServerMaker) -> None:
    real = zone.url

    def trip(body: bytes) -> Answer:
        if b"h33." in body:
            return 500, {}, b'{"error": "Data too long"}'
        return call(zone, "PATCH", f"/api/v1/servers/localhost/zones/{zone.name}.", body, real)

    with tripping(zone, http_server, trip):
        said = zone.apply(*many(zone, 60))
    assert said == [APPLIED] * 33 + [failed("server_failed")] + [APPLIED] * 26
    assert zone.values("h59", "A") == {"192.0.2.1"}


# --- one call for much, and what is there stays


def test_changes_of_one_name_are_one_call(zone: ApiZoneUnderTest) -> None:
    said = zone.apply(
        zone.change("create", "www", "A", "192.0.2.1"),
        zone.change("create", "www", "TXT", '"beside"'),
        zone.change("delete", "www", "A"),
        zone.change("create", "www", "CNAME", "a.example.org."),
        zone.change("delete", "www", "TXT"),
        zone.change("create", "www", "CNAME", "a.example.org."),
        zone.change("update", "www", "CNAME", "b.example.org."),
    )
    assert said == [APPLIED, APPLIED, APPLIED, failed("cname_conflict"), APPLIED, APPLIED, APPLIED]
    assert zone.ledger.messages == 1
    assert there(zone, "www").keys() == {"CNAME"}
    assert zone.values("www", "CNAME") == {"b.example.org."}


def test_nothing_to_do_is_no_call(zone: ApiZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    said = zone.apply(
        zone.change("create", "www", "A", "192.0.2.1"), zone.change("delete", "none", "A", "192.0.2.1")
    )
    assert said == [UNCHANGED] * 2
    assert zone.ledger.messages == 0


def test_values_that_are_there_stay_in_a_large_batch(zone: ApiZoneUnderTest) -> None:
    assert set(zone.apply(*many(zone, 150))) == {APPLIED}
    more = [zone.change("create", f"h{number}", "A", "192.0.2.2") for number in range(150)]
    assert set(zone.apply(*more)) == {APPLIED}
    assert zone.ledger.messages == 1
    assert zone.values("h149", "A") == {"192.0.2.1", "192.0.2.2"}


def test_a_newer_server_is_asked_for_names(zone: ApiZoneUnderTest, http_server: ServerMaker) -> None:
    put(zone, "h1", "A", "192.0.2.2")
    real, asked = zone.url, list[str]()

    def answer(method: str, path: str, body: bytes) -> Answer:
        asked.append(path)
        if path.endswith("/localhost"):
            return 200, {}, b'{"version": "5.0.1"}'
        return call(zone, method, path, body, real)

    with http_server(answer) as zone.url:
        assert zone.apply(*many(zone, 3)) == [APPLIED] * 3
    assert sum("rrset_name=" in path and "include_disabled=true" in path for path in asked) == 3
    assert zone.values("h1", "A") == {"192.0.2.1", "192.0.2.2"}


def test_answers_that_are_cached_do_not_outlive_a_change(zone: ApiZoneUnderTest) -> None:
    assert zone.values("www", "A") == set()
    zone.do("create", "www", "A", "192.0.2.1")
    assert zone.values("www", "A") == {"192.0.2.1"}
    zone.do("upsert", "www", "A", "192.0.2.2")
    assert zone.values("www", "A") == {"192.0.2.2"}


def test_good_changes_of_a_name_do_not_fail_with_a_bad_one(zone: ApiZoneUnderTest) -> None:
    said = zone.apply(
        zone.change("create", "www", "A", "192.0.2.1"),
        zone.change("create", "www", "NULL", r"\# 1 00"),
        zone.change("create", "www", "TXT", '"x"'),
        zone.change("create", "other", "TXT", '"x"'),
    )
    assert said == [APPLIED, failed("refused"), APPLIED, APPLIED]
    assert there(zone, "www").keys() == {"A", "TXT"}


def test_names_that_the_server_does_not_take_fail_alone(zone: ApiZoneUnderTest) -> None:
    odd = ["a\\032b", "a\\.b", '\\"q', "\\000", "\\226\\130", "{{x", "a&b=c", "%41", "a+b"]
    said = zone.apply(
        zone.change("create", "www", "A", "192.0.2.1"),
        *(zone.change("create", name, "A", "192.0.2.1") for name in odd),
        zone.change("create", "_x._tcp", "A", "192.0.2.1"),
    )
    assert said == [APPLIED, *[failed("refused")] * len(odd), APPLIED]


def test_disabled_records_and_comments_are_not_ours(zone: ApiZoneUnderTest) -> None:
    comment = {"content": "ask Ann", "account": "ann"}
    put(zone, "www", "A", "192.0.2.1", "-192.0.2.2", "-192.0.2.3", comments=[comment])
    assert zone.do("create", "www", "A", "192.0.2.2") == APPLIED
    assert zone.do("delete", "www", "A", "192.0.2.1") == APPLIED
    records = {record["content"]: record["disabled"] for record in there(zone, "www")["A"]["records"]}
    assert records == {"192.0.2.2": False, "192.0.2.3": True}
    assert there(zone, "www")["A"]["comments"][0]["content"] == "ask Ann"
    assert zone.do("delete", "www", "A", "192.0.2.2") == APPLIED
    assert zone.do("delete", "www", "A") == UNCHANGED
    assert zone.do("update", "www", "A", "192.0.2.4") == failed("rrset_missing")
    assert zone.do("create", "www", "CNAME", "x.example.org.") == APPLIED


def test_types_that_only_powerdns_knows(zone: ApiZoneUnderTest) -> None:
    put(zone, "lua", "LUA", "A \"pickrandom({'192.0.2.1'})\"")
    assert zone.do("create", "lua", "CNAME", "x.example.org.") == failed("cname_conflict")
    assert zone.do("create", "lua", "TXT", '"x"') == APPLIED
    assert there(zone, "lua").keys() == {"LUA", "TXT"}
    assert zone.do("create", "lua", "LUA", '"x"') == failed("invalid_change")


def test_somebody_else_was_faster(zone: ApiZoneUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(self: Zone, packet: Any) -> None:
        monkeypatch.undo()
        put(zone, "www", "CNAME", "x.example.org.")
        self.change(packet)

    monkeypatch.setattr(Zone, "change", change)
    said = zone.apply(
        zone.change("upsert", "www", "A", "192.0.2.1"), zone.change("upsert", "b", "A", "192.0.2.1")
    )
    assert said == [failed("cname_conflict"), APPLIED]
    assert zone.values("www", "CNAME") == {"x.example.org."}


def test_certificates_are_checked(zone: ApiZoneUnderTest, tmp_path: Path) -> None:
    zone.url = zone.url.replace("http:", "https:")
    assert zone.do("create", "www", "A", "192.0.2.1") == failed("server_unreachable")
