"""Calls that nobody has thought of, one after the other as the OpenAPI document links them.

Each has an answer of a status and a shape that the document names, and none is a mistake of ours.
"""

import json
import zlib
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import hypothesis
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import Phase
from schemathesis import Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import stateful
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import text

from app.core.config import Settings
from app.core.database import transaction
from app.runner import make_runner
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.plan.answer import answer_orders_until
from app.services.zones.check_orders import answer_checks_until
from tests.support.access import bearer, make_token
from tests.support.fuzzing import the_same
from tests.support.settings import SetSettings

ZONES = ("one.test", "two.test", "sub.one.test", "2.0.192.in-addr.arpa")
NAMES = ("www", "@", "*", "mail", "_sip._tcp", "ünïcode")
TARGETS = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "CNAME": "www.one.test",
    "MX": "10 mail.one.test.",
    "NS": "ns.one.test.",
    "TXT": "text",
    "SRV": "1 2 3 sip.one.test.",
}
OURS = ("authorization", "prefer")  # headers: who calls is known; and nobody works while a call waits
FORMS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


def settle_all() -> None:
    """Work off every zone, as a worker does."""
    with transaction() as session:
        zones = session.scalars(text("SELECT DISTINCT zone FROM dns_requests WHERE status = 'pending'")).all()
    for zone in zones:
        drain(zone, make_runner(), make_backends())


def make_sense(body: Any, choice: int) -> None:
    """Give a change a name and a value that go together, and maybe a zone that other calls change as well."""
    if not isinstance(body, dict) or not isinstance(body.get("resource"), dict):
        return
    zone, name = ZONES[choice % 4], NAMES[choice // 4 % 6]
    kind = [*TARGETS][choice // 24 % 7]
    body["context"] = {"account_id": "team-a"}
    domain = zone if name == "@" else f"{name}.{zone}"
    body["resource"] |= {"record_type": kind, "domain": domain, "target": TARGETS[kind]}
    for left_out in ("zone", "view"):
        body["resource"].pop(left_out, None)


def sensible(case: Any) -> None:
    """Have most bodies make sense: values made by their shapes alone are refused before anything happens."""
    seed = zlib.crc32(json.dumps([case.path, case.body], default=str).encode())
    if seed % 5 == 0 or not isinstance(case.body, dict):
        return
    make_sense(case.body, seed // 5)
    for number, item in enumerate(case.body.get("requests") or ()):
        make_sense(item, seed // 5 + number)
    if case.path == "/api/v1/zones":
        case.body["name"] = ZONES[seed // 5 % 4]


@pytest.fixture
def api(app_settings: Settings, set_settings: SetSettings) -> Iterator[TestClient]:
    """An API whose workers only simulate; every call is an admin's."""
    from app.main import create_app

    simulated = {"EXECUTOR": "simulated", "SIMULATED_DELAY": "0", "SIMULATED_FAILURE_RATE": "0.2"}
    set_settings(AUTH="required", PLAN_TIMEOUT="2", **simulated)
    stop = Event()
    workers = [Thread(target=work, args=(stop,)) for work in (answer_orders_until, answer_checks_until)]
    with TestClient(create_app(), raise_server_exceptions=False) as client:
        client.headers |= bearer(make_token("admin", "requester", "approver", accounts=["team-a"]))
        for worker in workers:
            worker.start()
        yield client
        stop.set()
        for worker in workers:
            worker.join()


def is_beginning(operation: Any, *_: object) -> bool:
    """Whether a sequence may begin with this call: it needs nothing that another one has made."""
    return not operation.path_parameters and operation.method in ("get", "post")


def test_any_sequence_of_calls_is_answered_as_documented(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stateful, "is_likely_root_transition", is_beginning)  # its own is a guess
    schema = schemathesis.openapi.from_dict(api.get("/openapi.json").json())

    class Workflow(schema.as_state_machine()):  # type: ignore[misc]
        def before_call(self, case: Any) -> None:
            sensible(case)

        def call(self, case: Any, **_: Any) -> Response:
            sent = case.as_transport_kwargs(base_url=str(api.base_url))
            given = {name: value for name, value in sent["headers"].items() if name.lower() not in OURS}
            content = sent.get("json", sent.get("data"))
            content = json.dumps(content).encode() if "json" in sent else content
            answer = api.request(
                sent["method"], sent["url"], params=sent["params"], headers=given, content=content
            )
            return Response.from_any(answer)

        def after_call(self, response: Response, case: Any) -> None:
            super().after_call(response, case)
            if response.status_code in (202, 207):
                settle_all()

        def validate_response(self, response: Response, case: Any, **_: Any) -> None:
            case.validate_response(response, checks=list(FORMS), recorder=self.recorder)

    settings = hypothesis.settings(
        the_same(1),
        stateful_step_count=20,
        phases=[Phase.reuse, Phase.generate],  # what is shorter is no clearer
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    Workflow.run(settings=settings)
