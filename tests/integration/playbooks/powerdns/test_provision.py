"""The shipped playbook, run by real Ansible against PowerDNS's API."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from stack.embedded import Stack
from tests.integration.conftest import ZoneOn
from tests.support.builders import change
from tests.support.runs import PROVISION, execute
from tests.support.zones import ApiZoneUnderTest


@pytest.fixture
def hosts(more_name_servers: Stack) -> Path:
    return Path(more_name_servers.env["INVENTORY"])


def inventory(folder: Path, group: str, **variables: object) -> Path:
    """An inventory with the host `powerdns`, of these variables and in this group besides `dns`."""
    hosts = {"powerdns": {"ansible_connection": "local", **variables}}
    path = folder / "hosts.yml"
    path.write_text(json.dumps({"dns": {"children": {group: {"hosts": hosts}}}}))
    return path


@pytest.fixture(scope="module")
def odd(more_name_servers: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inventory of several hosts, each odd in its way: Ansible reads it once for all."""
    folder = tmp_path_factory.mktemp("odd")
    for name, text in (("api.key", api_key_of(more_name_servers)), ("others.key", OTHERS_KEY)):
        (folder / name).write_text(f"{text}\n")
    right = {
        "ansible_connection": "local",
        "dns_api_url": more_name_servers.env["POWERDNS_API_URL"],
        "dns_api_key_file": str(folder / "api.key"),
    }
    hosts = {name: right | variables for name, variables in ODD.items()}
    hosts["others_key"] = right | {"dns_api_key_file": str(folder / "others.key")}
    address, _, port = more_name_servers.env["POWERDNS_SERVER"].rpartition(":")
    by_update = {
        "ansible_connection": "local",
        "dns_server": address,
        "dns_port": int(port),
        "dns_tsig_key_file": str(more_name_servers.key_file("powerdns")),
    }
    children = {"dns_powerdns": {"hosts": hosts}, "others": {"hosts": {"by_update": by_update}}}
    path = folder / "hosts.yml"
    path.write_text(json.dumps({"dns": {"children": children}}))
    return path


def api_key_of(stack: Stack) -> str:
    return (stack.data("powerdns") / "api.key").read_text().strip()


OTHERS_KEY = "the-key-of-another-server"
ODD: dict[str, dict[str, Any]] = {
    "two_a_call": {"dns_max_message_changes": 2},
    "no_key": {"dns_api_key_file": "/nowhere/api.key"},
    "no_url": {"dns_api_url": "ftp://dns"},
    "no_ca": {"dns_api_ca_file": "/nowhere", "dns_api_url": "https://dns"},
    "no_timeout": {"dns_timeout": "soon"},
}


@pytest.mark.usefixtures("either_way")
def test_one_batch_of_everything(zone: ApiZoneUnderTest, hosts: Path) -> None:
    name = zone.name
    ended = execute(
        hosts,
        change("create", "www", "A", "192.0.2.1", zone=name),
        change("create", "www", "A", "192.0.2.2", ttl=60, zone=name),
        change("create", "www", "A", "192.0.2.2", ttl=60, zone=name),
        change("create", "www", "CNAME", "www.example.org.", zone=name),
        change("update", "missing", "A", "192.0.2.1", zone=name),
        change("upsert", "mail", "MX", "10 mx1.example.org.", "20 mx2.example.org.", zone=name),
        change("update", "mail", "MX", "10 mx3.example.org.", zone=name),
        change("delete", "gone", "TXT", zone=name),
        change("delete", "www", "A", "192.0.2.1", zone=name),
        change("create", "no such name", "A", "192.0.2.1", zone=name),
        change("delete", "@", "NS", zone=name),
        backend="powerdns",
    )
    assert ended.outcomes == [
        ("applied", None),
        ("applied", None),
        ("unchanged", None),
        ("failed", "cname_conflict"),
        ("failed", "rrset_missing"),
        ("applied", None),
        ("applied", None),
        ("unchanged", None),
        ("applied", None),
        ("failed", "refused"),
        ("failed", "apex_ns_last"),
    ]
    assert (ended.result.rc, ended.result.why) == (0, None)  # a refused record is not the run's failure
    api = urlsplit(zone.url).netloc
    assert ended.events == [
        "play: Apply DNS changes over PowerDNS's API",
        "task: Change the zone over PowerDNS's API",
        f"powerdns: task ok, 11 changes to {api} in 5 calls: 5 applied, 2 unchanged, 4 failed;"
        " answers: 204, 422",
        "tasks finished: powerdns: 1 ok, 1 changed",
    ]
    assert zone.answer("www", "A") == (60, {"192.0.2.2"})
    assert zone.values("mail", "MX") == {"10 mx3.example.org."}
    assert zone.api_key not in ended.everything


@pytest.mark.usefixtures("warm")
def test_as_many_changes_in_a_call_as_the_inventory_allows(zone: ApiZoneUnderTest, odd: Path) -> None:
    changes = [change("create", f"h{n}", "A", "192.0.2.1", zone=zone.name) for n in range(5)]
    ended = execute(odd, *changes, backend="two_a_call")
    api = urlsplit(zone.url).netloc
    assert f"two_a_call: task ok, 5 changes to {api} in 3 calls: 5 applied; answers: 204" in ended.events


@pytest.mark.usefixtures("warm")
def test_the_same_server_by_dynamic_update(zone: ApiZoneUnderTest, odd: Path) -> None:
    ended = execute(odd, change("create", "www", "A", "192.0.2.1", zone=zone.name), backend="by_update")
    assert ended.outcomes == [("applied", None)]
    assert "task: Send the dynamic update" in "".join(ended.events)


@pytest.mark.usefixtures("warm")
def test_knot(more_name_servers: Stack, zone_on: ZoneOn, hosts: Path) -> None:
    zone = zone_on("knot")
    ended = execute(hosts, change("create", "www", "A", "192.0.2.1", zone=zone.name), backend="knot")
    assert ended.outcomes == [("applied", None)]
    assert zone.values("www", "A") == {"192.0.2.1"}


@pytest.mark.usefixtures("warm")
def test_what_requesters_write_stays_text(zone: ApiZoneUnderTest, hosts: Path, tmp_path: Path) -> None:
    pwned = tmp_path / "pwned"
    evil = f"{{{{ lookup('pipe', 'touch {pwned}') }}}}"
    tags = f"{{% set x = lookup('pipe', 'touch {pwned}') %}}"
    short = "{{lookup('pipe','touch pwned')}}".replace("(", "\\(").replace(")", "\\)")
    takeover: dict[str, object] = {
        "ansible_connection": "ssh",
        "ansible_host": "192.0.2.66",
        "ansible_python_interpreter": "/bin/false",
        "group_names": ["dns"],
        "dns_api_url": "http://192.0.2.66",
        "dns_api_key_file": "/etc/passwd",
        "dns_results_file": "/dev/null",
        evil: [evil, {tags: evil}],
    }
    ended = execute(
        hosts,
        change(
            "create",
            "txt",
            "TXT",
            f'"{evil}"',
            f'"{tags}"',
            comment=evil,
            extra_config=takeover,
            zone=zone.name,
        ),
        change("create", short, "TXT", '"x"', comment=tags, zone=zone.name),
        change("upsert", "caa", "CAA", f'0 issue "{evil}"', extra_config={"vars": takeover}, zone=zone.name),
        change("create", "quotes", "TXT", r'"\"}], \"rrsets\": [{"', zone=zone.name),
        change("create", "bad", "A", evil, zone=zone.name),
        change("delete", "bad", "TXT", f'"{evil}"', zone=zone.name),
        backend="powerdns",
    )
    assert ended.outcomes == [
        ("applied", None),
        ("failed", "refused"),
        ("applied", None),
        ("applied", None),
        ("failed", "invalid_change"),
        ("unchanged", None),
    ]
    assert not pwned.exists()
    assert not list(PROVISION.parent.rglob("pwned"))
    assert zone.values("txt", "TXT") == {f'"{evil}"', f'"{tags}"'}
    assert zone.values("caa", "CAA") == {f'0 issue "{evil}"'}
    assert zone.values("quotes", "TXT") == {r'"\"}], \"rrsets\": [{"'}


@pytest.mark.usefixtures("warm")
def test_a_refused_key_is_shown_to_nobody(zone: ApiZoneUnderTest, odd: Path) -> None:
    ended = execute(odd, change("create", "a", "A", "192.0.2.1", zone=zone.name), backend="others_key")
    assert ended.outcomes == [("failed", "auth_refused")]
    assert ended.result.rc == 2
    assert any("refused the API key (401)" in event for event in ended.events)
    assert OTHERS_KEY not in ended.everything


@pytest.mark.thorough
def test_a_playbook_that_tells_the_key(zone: ApiZoneUnderTest, hosts: Path, tmp_path: Path) -> None:
    telling = tmp_path / "telling.yml"
    telling.write_text(
        "- hosts: dns\n  gather_facts: false\n  tasks:\n"
        "    - debug: {msg: \"the key is {{ lookup('file', dns_api_key_file) }}\"}\n"
    )
    asked = change("create", "a", "A", "192.0.2.1", zone=zone.name)
    ended = execute(hosts, asked, playbook=telling, backend="powerdns")
    assert "powerdns: task ok, the key is ********" in ended.events
    assert zone.api_key not in ended.everything


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(
    ("backend", "code", "words"),
    [
        ("no_key", "key_unusable", "/nowhere/api.key can't be read"),
        ("no_url", "backend_unknown", "dns_api_url must be an address"),
        ("no_ca", "backend_unknown", "No such file"),
        ("no_timeout", "backend_unknown", "could not convert"),
    ],
)
def test_an_inventory_that_is_wrong(
    zone: ApiZoneUnderTest, odd: Path, backend: str, code: str, words: str
) -> None:
    ended = execute(odd, change("create", "a", "A", "192.0.2.1", zone=zone.name), backend=backend)
    assert ended.outcomes == [("failed", code)]
    assert ended.result.trusted(ended.changes[0].request_id)
    assert words in ended.everything


@pytest.mark.thorough
@pytest.mark.usefixtures("warm")
def test_a_host_in_another_group(zone: ApiZoneUnderTest, tmp_path: Path) -> None:
    (tmp_path / "api.key").write_text(zone.api_key)
    right = {"dns_api_url": zone.url, "dns_api_key_file": str(tmp_path / "api.key")}
    hosts = inventory(tmp_path, "others", **right)
    ended = execute(hosts, change("create", "a", "A", "192.0.2.1", zone=zone.name), backend="powerdns")
    assert ended.outcomes == [("failed", "backend_unknown")]
    assert ended.result.trusted(ended.changes[0].request_id)
    assert "dns_server is not set" in ended.everything
