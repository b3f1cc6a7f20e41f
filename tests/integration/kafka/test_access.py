"""The consumer before an API that asks everybody who he is."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

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


def test_a_consumer_speaks_for_accounts_and_may_do_what_each_may(
    tansu_sandbox: KafkaSandbox, guarded_api: Api, api_env: dict[str, str], tmp_path: Path
) -> None:
    sandbox, url = tansu_sandbox, guarded_api.url.rpartition("/dns/")[0]

    def token(role: str) -> str:
        made = sandbox.cli("token", "create", "--role", role, DATABASE_URL=api_env["DATABASE_URL"])
        assert made.status == 0, made.err
        return made.out.strip()

    admin = bearer(token("admin"))
    grant = {"effect": "allow", "account_id": sandbox.account, "zone": ZONE, "names": "mine"}
    httpx2.post(f"{url}/access/grants", json=grant, headers=admin).raise_for_status()
    token_file = tmp_path / "token"
    token_file.write_text("none that is good\n")
    sandbox.create_topic()
    sandbox.produce(request(sandbox, "mine"), request(sandbox, "other"), key=ZONE)
    consumer = sandbox.start_consumer(guarded_api.url, {"API_TOKEN_FILE": str(token_file)})
    eventually(lambda: BATCH_FAILED in consumer.output and "answered 401" in consumer.output)
    assert sandbox.committed() == 0

    token_file.write_text(token("gateway") + "\n")
    eventually(lambda: sandbox.committed() == 2)
    found = httpx2.get(f"{url}/dns/requests", params={"account_id": sandbox.account}, headers=admin).json()
    [accepted] = found["items"]
    assert accepted["resource"]["domain"] == f"mine.{ZONE}"
    assert (accepted["context"]["account_id"], accepted["context"]["via"]) == (sandbox.account, "kafka")
    [refused] = sandbox.dead_letters()
    assert header(refused, "error").startswith("not_allowed: ")
