"""The consumer before an API that asks everybody who he is."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import http
from tests.support.access import bearer
from tests.support.eventually import eventually
from tests.support.kafka.processes import Api
from tests.support.kafka.sandbox import BATCH_FAILED, ZONE, KafkaSandbox, header, request


@pytest.fixture
def guarded_api(api_env: dict[str, str], tmp_path: Path) -> Iterator[Api]:
    api = Api({**api_env, "AUTH": "required"}, tmp_path)
    api.start()
    yield api
    api.stop()


@pytest.mark.thorough
def test_a_consumer_speaks_for_accounts_and_may_do_what_each_may(
    tansu_sandbox: KafkaSandbox, guarded_api: Api, api_env: dict[str, str], tmp_path: Path
) -> None:
    sandbox, url = tansu_sandbox, guarded_api.url.rpartition("/dns/")[0]

    def token(role: str, *more: str) -> str:
        made = sandbox.cli("token", "create", "--role", role, *more, DATABASE_URL=api_env["DATABASE_URL"])
        assert made.status == 0, made.err
        return made.out.strip()

    admin = bearer(token("admin"))
    grant = {"effect": "allow", "account_id": sandbox.account, "zone": ZONE, "names": "mine"}
    http.post(f"{url}/access/grants", json=grant, headers=admin).raise_for_status()
    token_file = tmp_path / "token"
    token_file.write_text("none that is good\n")
    sandbox.create_topic()
    sandbox.produce(request(sandbox, "mine"), request(sandbox, "other"), key=ZONE)
    consumer = sandbox.start_consumer(guarded_api.url, {"API_TOKEN_FILE": str(token_file)})
    eventually(
        lambda: BATCH_FAILED in consumer.output and "answered 401: it wants a good token" in consumer.output
    )
    token_file.write_text(token("requester", "--account", sandbox.account) + "\n")
    eventually(lambda: "answered 403: the token in API_TOKEN_FILE needs the role gateway" in consumer.output)
    assert sandbox.committed() == 0

    token_file.write_text(token("gateway") + "\n")
    eventually(lambda: sandbox.committed() == 2)
    found = http.get(f"{url}/dns/requests", params={"account_id": sandbox.account}, headers=admin).json()
    [accepted] = found["items"]
    assert accepted["resource"]["domain"] == f"mine.{ZONE}"
    assert (accepted["context"]["account_id"], accepted["context"]["via"]) == (sandbox.account, "kafka")
    [refused] = sandbox.dead_letters()
    assert header(refused, "error").startswith("not_allowed: ")


@pytest.mark.thorough
def test_each_topic_speaks_for_its_own_account(
    tansu_sandbox: KafkaSandbox, kafka_api: Api, tmp_path: Path
) -> None:
    """What speaks for another topic's account is a dead letter of its own topic."""
    one, two = tansu_sandbox, KafkaSandbox(tansu_sandbox.broker, tmp_path)
    two.group = one.group
    for sandbox in (one, two):
        sandbox.create_topic()
    unsaid = json.dumps({"resource": json.loads(request(two, "unsaid"))["resource"]}).encode()
    one.produce(request(one, "own"), request(two, "foreign"), key=ZONE)
    two.produce(unsaid, key=ZONE, headers=[("account", one.account.encode())])
    accounts = f"{one.topic}={one.account},{two.topic}={two.account}"
    env = {
        "KAFKA_ACCOUNTS": "topic",
        "KAFKA_TOPIC_ACCOUNTS": accounts,
        "KAFKA_DNS_TOPIC": "nobody-reads-this",
    }
    one.start_consumer(kafka_api.url, env)
    eventually(lambda: (one.committed(), two.committed()) == (2, 1))
    found = {
        sandbox.account: [each["resource"]["domain"] for each in kafka_api.requests(sandbox.account)]
        for sandbox in (one, two)
    }
    assert found == {one.account: [f"own.{ZONE}"], two.account: [f"unsaid.{ZONE}"]}
    [refused] = one.dead_letters()
    assert header(refused, "error").startswith("account_not_allowed: ")
    assert two.dead_letters() == []
    two.stop_all()

    unnamed = one.cli("dlq", "list", **env)
    assert (unnamed.status, f"{one.topic}, {two.topic}" in unnamed.err.replace("\n", "")) == (2, True)
    shown = one.cli("dlq", "list", "--topic", one.topic, **env)
    assert "account_not_allowed" in shown.out
