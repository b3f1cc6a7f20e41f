"""One API with `AUTH=required` for all tests of a module, in the simulation, and a worker that plans."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core.celery_app import celery_app
from app.core.config import settings
from app.runner import make_runner
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from stack.embedded import Stack
from tests.support.access import Guarded, bearer, make_token
from tests.support.builders import body
from tests.support.planning import planning_worker
from tests.support.running_api import forget_clients, guarded_app

DNS = "/api/v1/dns"


@dataclass
class Office(Guarded):
    """An API, and a zone in which changes of the account `asks` are reviewed by the account `decides`."""

    client: TestClient
    zone: str = ""
    asks: str = ""
    decides: str = ""
    _tokens: dict[tuple[object, ...], str] = field(default_factory=dict)

    def new_zone(self, *, granted: Mapping[str, Any] | None = None, **zone_settings: Any) -> "Office":
        """Return the same for another zone and other accounts, which may change there what is `granted`."""
        number = secrets.token_hex(4)
        zone, asks, decides = f"z{number}.test", f"asks-{number}", f"decides-{number}"
        sent = {"name": zone, "backend": "ns1", "approvers": [decides], **zone_settings}
        admin = self.by("admin", accounts=())
        self.client.post("/api/v1/zones", json=sent, headers=admin).raise_for_status()
        other = Office(self.client, zone, asks, decides, self._tokens)
        if granted:
            other.grant(account=asks, zone=zone, **granted)
            for names in ("a", "b"):
                other.grant("review", account=asks, zone=zone, names=names)
        elif "others" not in zone_settings:
            other.grant("review", account=asks, zone=zone)
        return other

    @property
    def asker(self) -> Mapping[str, str]:
        return self.by("requester", accounts=[self.asks])

    @property
    def approver(self) -> Mapping[str, str]:
        return self.by("approver", accounts=[self.decides])

    @property
    def admin(self) -> Mapping[str, str]:
        return self.by("admin", accounts=())

    def new_token(self, *roles: str, **fields: Any) -> Mapping[str, str]:
        """The header of a token that nobody else has."""
        made = make_token(*roles, **fields)
        self.client.app.state.access.expire()  # type: ignore[attr-defined]
        return bearer(made)

    def body(self, owner: str = "www", **fields: Any) -> dict[str, Any]:
        return body(self.zone, owner, account=self.asks, **fields)

    def ask(self, owner: str = "www", action: str = "create", **fields: Any) -> dict[str, Any]:
        """A change that was asked for."""
        answer = self.post(f"{action}", self.asker, json=self.body(owner, **fields))
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def post(self, path: str, headers: Mapping[str, str], **fields: Any) -> Any:
        return self.client.post(f"{DNS}/{path}", headers=headers, **fields)

    def get(self, path: str, headers: Mapping[str, str], **params: Any) -> Any:
        return self.client.get(f"{DNS}/{path}", headers=headers, params=params)

    def decide(self, verb: str, asked: Any, headers: Mapping[str, str], **said: Any) -> Any:
        """Approve or reject a request, with what is said to it."""
        return self.post(f"requests/{asked['id']}/{verb}", headers, json=said or None)

    def look(self, asked: Any) -> Any:
        return self.get(f"requests/{asked['id']}/review", self.approver).raise_for_status().json()

    def show(self, asked: Any) -> Any:
        return self.get(f"requests/{asked['id']}", self.admin).raise_for_status().json()

    def made(
        self,
        owner: str,
        target: str,
        *,
        by: Mapping[str, str] | None = None,
        account: str = "ops",
        drained: bool = True,
    ) -> dict[str, Any]:
        """A change of an admin's, which is made at once."""
        asked = body(self.zone, owner, account=account, target=target)
        answer = self.post("create", by or self.admin, json=asked)
        assert answer.json()["status"] == "pending", answer.text
        if drained:
            self.drain()
        found: dict[str, Any] = answer.json()
        return found

    def drain(self) -> None:
        drain(self.zone, make_runner(), make_backends())

    def entries(self, act: str, asked: Any) -> list[Any]:
        """The entries of the audit of that kind about a request, newest first."""
        found = self.client.get("/api/v1/access/audit", headers=self.admin).json()["items"]
        return [each for each in found if (each["act"], each["subject"]) == (act, asked["id"])]


@pytest.fixture(scope="module")
def api_of_module(infrastructure: Stack, module_database: str) -> Iterator[TestClient]:
    """The API of the module's tests, which share its database: each has a zone and accounts of its own."""
    variables = {"AUTH": "required", "EXECUTOR": "simulated", "SIMULATED_DELAY": "0", "BOOTSTRAP_ZONES": ""}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in (infrastructure.env | {"DATABASE_URL": module_database} | variables).items():
            environment.setenv(name, value)
        forget_clients()
        celery_app.conf.broker_url = settings().celery_broker_url.get_secret_value()
        with TestClient(guarded_app()) as client, planning_worker():
            yield client
        forget_clients()


@pytest.fixture
def office(api_of_module: TestClient) -> Office:
    """A zone with approvers, and an account whose changes they review."""
    return Office(api_of_module).new_zone()
