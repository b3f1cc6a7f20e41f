"""Several APIs in order of preference: the next one gets changes only where the one before got none."""

import json
import socket
from pathlib import Path

import dns.name
import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.api import Api
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.batch import apply_batch

from tests.support.builders import change
from tests.support.powerdns import Answer, call, http_server
from tests.support.runs import execute
from tests.support.zones import ApiZoneUnderTest

APPLIED, UNKNOWN = ("applied", None), ("failed", "no_answer")


def apply(zone: ApiZoneUnderTest, item: dict[str, object], *urls: str) -> Outcomes:
    apis = [Api(url, zone.api_key, 10, dns_server=f"ns{number}:53") for number, url in enumerate(urls)]
    return apply_batch([item], dns.name.from_text(zone.name), apis)


def closed_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def said(outcomes: Outcomes) -> list[tuple[str, str | None]]:
    return [(result.outcome, result.code) for result in outcomes.results.values()]


def test_the_next_one_takes_over_from_who_is_absent(zone: ApiZoneUnderTest) -> None:
    def without_zone(method: str, path: str, body: bytes) -> Answer:
        return 200, {}, b"[]"

    item = zone.change("create", "a", "A", "192.0.2.1")
    with http_server(without_zone) as other:
        outcomes = apply(zone, item, closed_url(), other, zone.url)
    assert (said(outcomes), outcomes.server) == ([APPLIED], "ns2:53")
    assert "does not have the zone" in str(outcomes.passed_over)
    assert zone.values("a", "A") == {"192.0.2.1"}


@pytest.mark.parametrize("applied", [False, True])
def test_what_was_sent_to_one_is_sent_to_no_other(zone: ApiZoneUnderTest, applied: bool) -> None:
    sent: list[str] = []

    def dies(method: str, path: str, body: bytes) -> Answer | None:
        if method != "PATCH":
            return call(zone, method, path, body)
        if applied:
            call(zone, method, path, body)
        return None

    def counts(method: str, path: str, body: bytes) -> Answer:
        sent.extend([path] if method == "PATCH" else [])
        return call(zone, method, path, body)

    item = zone.change("create", "a", "A", "192.0.2.1")
    with http_server(dies) as first, http_server(counts) as second:
        outcomes = apply(zone, item, first, second)
        assert (said(outcomes), sent, outcomes.server) == ([UNKNOWN], [], "ns0:53")
        again = apply(zone, item, closed_url(), second)
    assert said(again) == [("unchanged", None) if applied else APPLIED]
    assert len(sent) == (0 if applied else 1)


@pytest.mark.usefixtures("warm")
def test_each_has_its_own_key_and_place(zone: ApiZoneUnderTest, tmp_path: Path) -> None:
    key_file = tmp_path / "api.key"
    key_file.write_text(zone.api_key)
    host = {
        "ansible_connection": "local",
        "dns_api_url": [closed_url(), {"url": zone.url, "key_file": str(key_file)}],
        "dns_api_key_file": str(key_file),
        "dns_server": ["192.0.2.1", f"127.0.0.1:{zone.target.port}"],
    }
    children = {"dns_powerdns": {"hosts": {"powerdns": host}}}
    (tmp_path / "hosts.json").write_text(json.dumps({"dns": {"children": children}}))
    item = change("create", "www", "A", "192.0.2.1", zone=zone.name)
    ended = execute(tmp_path / "hosts.json", item, backend="powerdns")
    assert ended.outcomes == [APPLIED]
    assert ended.result.results[item.request_id].server == f"127.0.0.1:{zone.target.port}"
    assert any("passed over: no answer from" in event for event in ended.events)
