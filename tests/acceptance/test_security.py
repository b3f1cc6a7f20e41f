"""What a requester writes stays data, and what is secret stays secret."""

import json
import re
from pathlib import Path

import psycopg
import pytest

from stack.embedded import Stack
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.user import User

_TABLES = (
    "dns_requests",
    "dns_request_events",
    "dns_records",
    "ansible_runs",
    "ansible_run_events",
    "dns_zones",
)


def secret(stack: Stack) -> str:
    inventory = (Path(stack.env["INVENTORY"]) / "hosts.yml").read_text()
    key_file = re.search(r"dns_tsig_key_file: (.+)", inventory)
    assert key_file
    found = re.search(r'secret "(.+?)"', Path(json.loads(key_file[1])).read_text())
    assert found
    return found[1]


def everything_stored(stack: Stack) -> str:
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        rows = [connection.execute(f"SELECT * FROM {table}").fetchall() for table in _TABLES]
    return str(rows)


def test_templates_are_never_evaluated(stack: Stack, user: User, zone: str, tmp_path: Path) -> None:
    pwned = tmp_path / "pwned"
    attack = f"{{{{ lookup('pipe', 'touch {pwned}') }}}}"
    name = "{{ lookup('pipe', 'false') }}"  # a run would fail of it; names of fields are short
    extra = {name: attack, "ansible_connection": attack, "nested": [attack]}
    sent = body(
        zone,
        "inject",
        record_type="TXT",
        target=attack,
        account=attack,
        comment=attack,
        config={"extra_config": extra},
    )
    accepted = user.api.post("/dns/create", json=sent, headers={"Idempotency-Key": attack})
    assert accepted.status_code == 202
    (request,) = user.wait_until_settled([accepted.json()["id"]])
    assert request["status"] == "succeeded"
    assert request["resource"]["target"] == attack
    assert user.dig(f"inject.{zone}", "TXT") == {f'"{attack}"'}
    assert not pwned.exists()


def test_templates_in_fields_that_cannot_hold_them_are_refused(user: User, zone: str) -> None:
    attack = "{{ lookup('pipe', 'touch pwned') }}"
    for field in ("record_type", "domain", "target"):
        assert user.api.post("/dns/create", json=body(zone, **{field: attack})).status_code == 422
    for name in (attack, f"{attack}.test"):
        assert user.api.post("/zones", json={"name": name, "backend": "bind"}).status_code == 422
    assert user.api.post("/zones", json={"name": zone, "backend": attack}).status_code == 422


def test_variables_of_ansible_in_extra_config_change_nothing(user: User, zone: str) -> None:
    hostile = {"ansible_connection": "ssh", "ansible_host": "203.0.113.1", "dns_server": "203.0.113.1"}
    extra = hostile | {"ansible_python_interpreter": "/bin/false"}
    (request,) = user.submit_and_wait(body(zone, "vars", target="192.0.2.7", config={"extra_config": extra}))
    assert request["status"] == "succeeded"
    assert user.dig(f"vars.{zone}", "A") == {"192.0.2.7"}


@pytest.mark.thorough
def test_a_refused_key_lets_the_backend_rest_and_says_so(stack: Stack, user: User, zone: str) -> None:
    inventory = Path(stack.env["INVENTORY"])
    wrong = inventory.parent / "wrong.key"
    wrong.write_text(
        'key "orchestrator" { algorithm hmac-sha256; secret "d3Jvbmcga2V5LCB3cm9uZyBrZXk="; };\n'
    )
    wrong.chmod(0o600)
    hosts = (inventory / "hosts.yml").read_text().replace("bind:", "wrong_key:")
    hosts = re.sub(r"dns_tsig_key_file: .+", f"dns_tsig_key_file: {wrong}", hosts)
    (inventory / "wrong.yml").write_text(hosts)
    user.wait_for_backend("wrong_key")
    user.api.patch(f"/zones/{zone}", json={"backend": "wrong_key"}).raise_for_status()
    (request_id,) = user.submit(body(zone))
    (fault,) = eventually(
        lambda: [item["fault"] for item in user.backends() if item["name"] == "wrong_key" and item["fault"]]
    )
    assert fault["code"] == "tsig_refused"
    assert "key" in fault["why"]
    assert secret(stack) not in fault["why"]
    assert user.request(request_id)["status"] in ("pending", "running")
    assert user.dig(f"www.{zone}", "A") == set()


def test_the_tsig_secret_is_nowhere(stack: Stack, user: User, zone: str) -> None:
    user.submit_and_wait(body(zone))
    key = secret(stack)
    assert key not in everything_stored(stack)
    for process in ("api", "worker", "consumer"):
        assert key not in stack.output(process)


def test_a_line_of_the_log_says_whose_it_is(stack: Stack, user: User, zone: str) -> None:
    (request,) = user.submit_and_wait(body(zone))
    worker = [json.loads(line) for line in stack.output("worker").splitlines() if line.strip()]
    ours = [line for line in worker if line.get("request_id") == request["id"]]
    assert ours[-1]["zone"] == zone
    ansible = [line for line in worker if line.get("run_id") == request["run_id"]]
    assert any(line["message"].startswith("task: ") for line in ansible)
