"""The shipped playbook, run by real Ansible against BIND."""

import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from stack.embedded import Stack
from stack.ports import HOST
from tests.support.builders import change
from tests.support.eventually import eventually
from tests.support.fronts import front
from tests.support.runs import PROVISION, execute
from tests.support.thoroughly import thoroughly
from tests.support.zones import ZoneUnderTest


@pytest.fixture
def secret(infrastructure: Stack) -> str:
    text = (infrastructure.data("bind") / "orchestrator.key").read_text()
    (found,) = re.findall(r'secret "(\S+)"', text)
    return str(found)


def inventory(folder: Path, **variables: object) -> Path:
    """An inventory with the host `bind`, of these variables."""
    hosts = {"dns": {"hosts": {"bind": {"ansible_connection": "local", **variables}}}}
    (folder / "hosts.yml").write_text(json.dumps(hosts))
    return folder / "hosts.yml"


UNUSABLE_KEYS = {
    "no_key": None,
    "nonsense_key": "nonsense",
    "bad_secret": 'key "a" { algorithm hmac-sha256; secret "%%"; };',
}


@pytest.fixture(scope="module")
def odd(infrastructure: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inventory of several hosts, each odd in its way: Ansible reads it once for all."""
    folder = tmp_path_factory.mktemp("odd")
    address, _, port = infrastructure.env["DNS_SERVER"].rpartition(":")
    key = infrastructure.key_file("bind")
    others = folder / "others.key"
    others.write_text(key.read_text().replace('key "orchestrator"', 'key "somebody-else"'))
    with socket.create_server((HOST, 0)) as free:
        unused = free.getsockname()[1]
    here = {"ansible_connection": "local", "dns_server": address, "dns_port": int(port)}
    hosts: dict[str, dict[str, object]] = {
        "templated": {**here, "keys": str(key.parent), "dns_tsig_key_file": f"{{{{ keys }}}}/{key.name}"},
        "two_a_message": {**here, "dns_tsig_key_file": str(key), "dns_max_message_changes": 2},
        "others_key": {**here, "dns_tsig_key_file": str(others)},
        "down": {**here, "dns_port": unused, "dns_tsig_key_file": ""},
        **{name: {**here, "dns_tsig_key_file": str(folder / f"{name}.key")} for name in UNUSABLE_KEYS},
    }
    for name, text in UNUSABLE_KEYS.items():
        if text is not None:
            (folder / f"{name}.key").write_text(text)
    (folder / "hosts.yml").write_text(json.dumps({"dns": {"hosts": hosts}}))
    return folder / "hosts.yml"


@pytest.mark.usefixtures("either_way")
def test_one_batch_of_everything(
    infrastructure: Stack, new_zone: str, dns_inventory: Path, secret: str
) -> None:
    ended = execute(
        dns_inventory,
        change("create", "www", "A", "192.0.2.1", zone=new_zone),
        change("create", "www", "A", "192.0.2.2", ttl=60, zone=new_zone),
        change("create", "www", "A", "192.0.2.2", ttl=60, zone=new_zone),
        change("create", "www", "CNAME", "www.example.org.", zone=new_zone),
        change("update", "missing", "A", "192.0.2.1", zone=new_zone),
        change("upsert", "mail", "MX", "10 mx1.example.org.", "20 mx2.example.org.", zone=new_zone),
        change("update", "mail", "MX", "10 mx3.example.org.", zone=new_zone),
        change("delete", "gone", "TXT", zone=new_zone),
        change("delete", "www", "A", "192.0.2.1", zone=new_zone),
        change("create", "@", "NS", f"nowhere.{new_zone}.", zone=new_zone),
        change("delete", "@", "NS", zone=new_zone),
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
    zone = ZoneUnderTest(infrastructure, new_zone)
    assert zone.answer("www", "A") == (60, {"192.0.2.2"})
    assert zone.values("mail", "MX") == {"10 mx3.example.org."}
    assert ended.result.stats == {
        "bind": {
            "ok": 1,
            "changed": 1,
            "failures": 0,
            "unreachable": 0,
            "skipped": 0,
            "rescued": 0,
            "ignored": 0,
        }
    }
    assert "PLAY RECAP" in ended.result.output
    assert secret not in ended.everything


@pytest.mark.usefixtures("warm")
def test_events_say_what_goes_on(infrastructure: Stack, new_zone: str, dns_inventory: Path) -> None:
    ended = execute(dns_inventory, change("create", "www", "A", "192.0.2.1", zone=new_zone))
    assert ended.events == [
        "play: Apply DNS changes",
        "task: Send the dynamic update",
        f"bind: task ok, 1 change to {infrastructure.env['DNS_SERVER']} in 1 message: 1 applied;"
        " answers: NOERROR",
        "tasks finished: bind: 1 ok, 1 changed",
    ]


@pytest.mark.usefixtures("warm")
def test_a_thousand_changes_are_one_run(infrastructure: Stack, new_zone: str, dns_inventory: Path) -> None:
    changes = [change("create", f"h{number}", "A", "192.0.2.1", zone=new_zone) for number in range(1_000)]
    ended = execute(dns_inventory, *changes)
    assert set(ended.outcomes) == {("applied", None)}
    assert ZoneUnderTest(infrastructure, new_zone).values("h999", "A") == {"192.0.2.1"}


@pytest.mark.usefixtures("warm")
def test_a_host_variable_that_is_a_template(odd: Path, new_zone: str) -> None:
    ended = execute(odd, change("create", "www", "A", "192.0.2.1", zone=new_zone), backend="templated")
    assert ended.outcomes == [("applied", None)]


@pytest.mark.usefixtures("warm")
def test_as_many_changes_in_a_message_as_the_inventory_allows(
    infrastructure: Stack, odd: Path, new_zone: str
) -> None:
    changes = [change("create", f"h{n}", "A", "192.0.2.1", zone=new_zone) for n in range(5)]
    ended = execute(odd, *changes, backend="two_a_message")
    said = f"5 changes to {infrastructure.env['DNS_SERVER']} in 3 messages: 5 applied; answers: NOERROR"
    assert f"two_a_message: task ok, {said}" in ended.events


@pytest.mark.thorough
@pytest.mark.usefixtures("warm")
def test_messages_of_a_run_that_is_stopped_are_counted(
    infrastructure: Stack, new_zone: str, tmp_path: Path
) -> None:
    cancel = Event()
    changes = [change("create", f"h{n}", "A", "192.0.2.1", zone=new_zone) for n in range(2_000)]
    with front(ZoneUnderTest(infrastructure, new_zone).target) as server, ThreadPoolExecutor(1) as pool:
        variables = {"dns_server": HOST, "dns_port": server.target.port, "dns_max_message_changes": 1}
        hosts = inventory(tmp_path, **variables, dns_tsig_key_file=str(infrastructure.key_file("bind")))
        run = pool.submit(execute, hosts, *changes, cancel=cancel)
        eventually(lambda: server.applied > 2 or run.done())
        cancel.set()
        result = run.result().result
    assert (result.why, set(result.update_rcodes)) == ("cancelled", {"NOERROR"})
    assert server.applied - 1 <= result.update_rcodes["NOERROR"] <= server.applied < len(changes)


@pytest.mark.usefixtures("warm")
def test_templates_stay_text(
    infrastructure: Stack, new_zone: str, dns_inventory: Path, tmp_path: Path
) -> None:
    pwned = tmp_path / "pwned"
    evil = f"{{{{ lookup('pipe', 'touch {pwned}') }}}}"
    short = "{{ lookup('pipe','touch pwned') }}"  # fits in a label
    tags = f"{{% set x = lookup('pipe', 'touch {pwned}') %}}"
    ended = execute(
        dns_inventory,
        change(
            "create",
            "txt",
            "TXT",
            f'"{evil}"',
            f'"{tags}"',
            comment=evil,
            extra_config={evil: evil, "weight": evil, "list": [evil, {"a": tags}]},
            zone=new_zone,
        ),
        change("create", short.replace(" ", "\\032"), "TXT", '"x"', comment=tags, zone=new_zone),
        change("upsert", "caa", "CAA", f'0 issue "{evil}"', zone=new_zone),
        change("create", "bad", "A", evil, zone=new_zone),
        change("delete", "bad", "TXT", f'"{evil}"', zone=new_zone),
    )
    assert [outcome for outcome, _ in ended.outcomes] == [
        "applied",
        "applied",
        "applied",
        "failed",
        "unchanged",
    ]
    assert not pwned.exists()
    assert not list(PROVISION.parent.rglob("pwned"))
    zone = ZoneUnderTest(infrastructure, new_zone)
    assert zone.values("txt", "TXT") == {f'"{evil}"', f'"{tags}"'}
    assert zone.values(short.replace(" ", "\\032"), "TXT") == {'"x"'}
    assert zone.values("caa", "CAA") == {f'0 issue "{evil}"'}


@pytest.mark.usefixtures("warm")
def test_requesters_set_no_variables(infrastructure: Stack, new_zone: str, dns_inventory: Path) -> None:
    takeover: dict[str, object] = {
        "ansible_connection": "ssh",
        "ansible_host": "192.0.2.66",
        "ansible_python_interpreter": "/bin/false",
        "dns_server": "192.0.2.66",
        "dns_port": 1,
        "dns_tsig_key_file": "/etc/passwd",
        "dns_results_file": "/dev/null",
    }
    item = change(
        "create", "www", "A", "192.0.2.1", extra_config=takeover | {"vars": takeover}, zone=new_zone
    )
    ended = execute(dns_inventory, item)
    assert ended.outcomes == [("applied", None)]
    assert ZoneUnderTest(infrastructure, new_zone).values("www", "A") == {"192.0.2.1"}


@pytest.mark.usefixtures("warm")
def test_a_refused_key(odd: Path, new_zone: str, secret: str) -> None:
    ended = execute(
        odd,
        change("create", "a", "A", "192.0.2.1", zone=new_zone),
        change("update", "b", "A", "192.0.2.1", zone=new_zone),
        backend="others_key",
    )
    assert ended.outcomes == [("failed", "tsig_refused")] * 2
    assert ended.result.rc == 2
    assert any("BADKEY" in event for event in ended.events)
    assert secret not in ended.everything


@pytest.mark.usefixtures("warm")
def test_a_server_that_is_down(odd: Path, new_zone: str) -> None:
    ended = execute(odd, change("create", "a", "A", "192.0.2.1", zone=new_zone), backend="down")
    assert ended.outcomes == [("failed", "server_unreachable")]
    assert ended.result.rc == 2
    port = json.loads(odd.read_text())["dns"]["hosts"]["down"]["dns_port"]
    assert any(f"no connection to {HOST}:{port}" in event for event in ended.events)


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("no_key", "can't be read: No such file or directory"),
        thoroughly("nonsense_key", "must hold one key"),
        thoroughly("bad_secret", "holds no usable name and secret"),
    ],
)
def test_a_key_file_that_can_not_be_used(odd: Path, new_zone: str, backend: str, words: str) -> None:
    asked = [change("create", owner, "A", "192.0.2.1", zone=new_zone) for owner in "ab"]
    ended = execute(odd, *asked, backend=backend)
    assert ended.outcomes == [("failed", "key_unusable")] * 2
    assert all(ended.result.trusted(each.request_id) for each in asked)
    assert f"{backend}.key {words}" in ended.everything
