"""Who may make which change: by every call that makes some, in one's own and in another one's name."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.config import Settings
from app.core.database import transaction
from app.domain.change import Action
from app.domain.errors import NOT_ALLOWED_CODES
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.requests.draft import RawChange, Refused
from app.services.requests.submit import submit
from app.services.requests.validate import read_change
from tests.integration.conftest import ZoneOn
from tests.support.access import Guarded
from tests.support.builders import body
from tests.support.settings import SetSettings
from tests.support.thoroughly import thoroughly
from tests.support.zone_runner import ZoneRunner

DNS = "/api/v1/dns"
OWN, OTHER = "team-a", "team-b"
SETTLED = """
    UPDATE dns_requests
       SET status = CAST(:status AS text), finished_at = now(),
           verified_at = CASE WHEN :status = 'succeeded' THEN now() END,
           error_code = CASE WHEN :status = 'failed' THEN 'server_failed' END,
           before = '{"ttl": 300, "rdata": []}', after = '{"ttl": 300, "rdata": ["192.0.2.1"]}'
     WHERE id = :id
"""
RECORDED = """
    INSERT INTO dns_records (zone, name, record_type, ttl, rdata, account_id, request_id)
    SELECT zone, name, record_type, ttl, rdata, account_id, id FROM dns_requests WHERE id = :id
    ON CONFLICT DO NOTHING
"""


def settle(request_id: str, status: str) -> None:
    with transaction() as session:
        session.execute(text(SETTLED), {"id": UUID(request_id), "status": status})
        if status == "succeeded":
            session.execute(text(RECORDED), {"id": UUID(request_id)})


def ask(guarded: Guarded, headers: Any, account: str, owner: str = "www", **fields: Any) -> Any:
    asked = body(guarded.zone, owner, account=account, **fields)
    return guarded.client.post(f"{DNS}/create", json=asked, headers=headers)


def made(guarded: Guarded, account: str, status: str | None = None, owner: str = "made") -> str:
    """A request of the account, made by an admin."""
    answer = ask(guarded, guarded.by("admin", accounts=["ops"]), account, owner)
    assert answer.status_code == 202, answer.text
    request_id: str = answer.json()["id"]
    if status:
        settle(request_id, status)
    return request_id


def single(action: str) -> Callable[[Guarded, Any, str], int]:
    def call(guarded: Guarded, headers: Any, account: str) -> int:
        asked = body(guarded.zone, account=account)
        return _status(guarded.client.post(f"{DNS}/{action}", json=asked, headers=headers))

    return call


def in_batch(guarded: Guarded, headers: Any, account: str) -> int:
    return _item(guarded, "batch", headers, account)


def in_plan(guarded: Guarded, headers: Any, account: str) -> int:
    return _item(guarded, "plan", headers, account)


def in_atomic_batch(guarded: Guarded, headers: Any, account: str) -> int:
    asked = {"requests": [body(guarded.zone, account=account)], "atomic": True}
    answer = guarded.client.post(f"{DNS}/batch", json=asked, headers=headers)
    return 202 if answer.status_code == 207 else answer.status_code


def _item(guarded: Guarded, call: str, headers: Any, account: str) -> int:
    asked = {"requests": [body(guarded.zone, account=account)]}
    answer = guarded.client.post(f"{DNS}/{call}", json=asked, headers=headers)
    if answer.status_code == 403:
        return 403
    [result] = answer.json()["results"]
    if result["status_code"] == 403:
        assert {each["type"] for each in result["errors"]} <= NOT_ALLOWED_CODES
    return 202 if result["status_code"] == 200 else int(result["status_code"])


def applied(guarded: Guarded, headers: Any, account: str) -> int:
    asked = {"requests": [body(guarded.zone, account=account)]}
    planned = guarded.client.post(f"{DNS}/plan", json=asked, headers=guarded.by("admin", accounts=["ops"]))
    call = f"{DNS}/plans/{planned.json()['plan_id']}"
    answer = guarded.client.post(f"{call}/apply", headers=headers)
    shown = guarded.client.get(call, headers=headers).status_code
    assert shown == (200 if answer.status_code == 207 else answer.status_code)
    return 202 if answer.status_code == 207 else answer.status_code


def on_request(what: str, status: str | None) -> Callable[[Guarded, Any, str], int]:
    def call(guarded: Guarded, headers: Any, account: str) -> int:
        request_id = made(guarded, account, status)
        return _status(guarded.client.post(f"{DNS}/requests/{request_id}/{what}", headers=headers))

    return call


def read(path: str) -> Callable[[Guarded, Any, str], int]:
    def call(guarded: Guarded, headers: Any, account: str) -> int:
        known = {"id": made(guarded, account), "account": account}
        return _status(guarded.client.get(f"{DNS}/{path.format(**known)}", headers=headers))

    return call


def _status(answer: Any) -> int:
    return 202 if answer.status_code == 200 else int(answer.status_code)


SUBMITTING = {
    **{action: single(action) for action in ("create", "update", "upsert", "delete")},
    "item of a batch": in_batch,
    "atomic batch": in_atomic_batch,
    "item of a plan": in_plan,
}
#   by role: what becomes of a call in one's own name, and in another account's
SUBMITS = {
    "admin": (202, 202),
    "operator": (403, 403),
    "requester": (202, 403),
    "auditor": (403, 403),
    "gateway": (202, 202),
    "approver": (403, 403),
}
PLANS = {
    "admin": (202, 202),
    "operator": (403, 403),
    "requester": (202, 404),
    "auditor": (403, 403),
    "gateway": (202, 202),
    "approver": (403, 403),
}
UNDOES = {
    "admin": (202, 202),
    "operator": (403, 403),
    "requester": (202, 404),
    "auditor": (403, 403),
    "gateway": (202, 404),
    "approver": (403, 403),
}
STEERS = {
    "admin": (202, 202),
    "operator": (202, 202),
    "requester": (202, 404),
    "auditor": (403, 403),
    "gateway": (403, 403),
    "approver": (403, 403),
}
READS = {
    "admin": (202, 202),
    "operator": (202, 202),
    "requester": (202, 404),
    "auditor": (202, 202),
    "gateway": (403, 403),
    "approver": (202, 404),
}
LISTS = READS | {"requester": (202, 403), "approver": (202, 403)}
CALLS: dict[str, tuple[Callable[[Guarded, Any, str], int], dict[str, tuple[int, int]]]] = {
    **{name: (call, SUBMITS) for name, call in SUBMITTING.items()},
    "apply": (applied, PLANS),
    "undo": (on_request("undo", "succeeded"), UNDOES),
    "retry": (on_request("retry", "failed"), STEERS),
    "cancel": (on_request("cancel", None), STEERS),
    "show": (read("requests/{id}"), READS),
    "show its log": (read("requests/{id}/events"), READS),
    "list requests": (read("requests?account_id={account}"), LISTS),
    "list records": (read("records?account_id={account}"), LISTS),
}


@pytest.mark.parametrize("share", [0, thoroughly(1)])
def test_every_role_by_every_call_in_its_own_and_in_another_name(guarded: Guarded, share: int) -> None:
    for account in (OWN, OTHER):
        guarded.grant(account=account)
    wrong = []
    for row, (name, (call, expected)) in enumerate(CALLS.items()):
        for role, answers in list(expected.items())[(row + share) % 2 :: 2]:
            who = guarded.by(role, accounts=[OWN])
            if (call(guarded, who, OWN), call(guarded, who, OTHER)) != answers:
                wrong.append((name, role))
    assert wrong == []


@pytest.mark.parametrize("call", SUBMITTING)
def test_without_a_grant_nobody_but_an_admin_changes_anything(guarded: Guarded, call: str) -> None:
    found = {
        role: SUBMITTING[call](guarded, guarded.by(role, accounts=[OWN]), OWN)
        for role in ("admin", "requester", "gateway")
    }
    assert found == {"admin": 202, "requester": 403, "gateway": 403}


def test_a_refusal_has_one_reason_and_says_why(guarded: Guarded) -> None:
    requester = guarded.by("requester")
    missing = ask(guarded, requester, OWN, target="no address")
    assert missing.status_code == 403
    assert missing.json() == {
        "detail": f"no grant lets team-a create www.{guarded.zone} A in the zone {guarded.zone}",
        "code": "not_allowed",
    }
    foreign = ask(guarded, requester, OTHER)
    assert foreign.json() == {"detail": "you may not speak for team-b, but for team-a", "code": "not_allowed"}
    guarded.grant("review", names="www")
    review = ask(guarded, requester, OWN)
    assert (review.status_code, review.json()["status"]) == (202, "awaiting_approval")
    guarded.grant("deny", names="**")
    assert ask(guarded, requester, OWN).json()["code"] == "not_allowed"


def test_a_bad_item_never_sinks_the_others(guarded: Guarded) -> None:
    guarded.grant(names="*.app")
    items = [
        body(guarded.zone, "x.app"),
        body(guarded.zone, "www"),
        body(guarded.zone, "y.app", account=OTHER),
        body(guarded.zone, "z.app", target="no address"),
    ]
    answer = guarded.client.post(
        f"{DNS}/batch", json={"requests": items}, headers=guarded.by("requester")
    ).json()
    assert [each["status_code"] for each in answer["results"]] == [202, 403, 403, 422]
    assert [each["loc"] for each in answer["results"][1]["errors"]] == [["body", "resource", "domain"]]
    assert [each["loc"] for each in answer["results"][2]["errors"]] == [["body", "context", "account_id"]]


def test_the_log_says_what_was_not_allowed_to_whom(guarded: Guarded, logged: Callable[[], str]) -> None:
    requester = guarded.by("requester")
    asked = {"requests": [body(guarded.zone, f"n{number}") for number in range(20)]}
    logged()
    guarded.client.post(f"{DNS}/batch", json=asked, headers=requester)
    said = logged()
    assert "changes not allowed" in said
    assert f"token {requester['Authorization'].split('_')[1]}" in said
    assert "no grant lets team-a create n0." in said
    assert "n1." not in said


def test_an_atomic_batch_is_403_only_if_that_is_all(guarded: Guarded) -> None:
    def send(*items: Any) -> Any:
        content = {"requests": items, "atomic": True}
        return guarded.client.post(f"{DNS}/batch", json=content, headers=guarded.by("requester"))

    guarded.grant(names="*.app")
    good, foreign = body(guarded.zone, "x.app"), body(guarded.zone)
    refused = send(good, foreign)
    assert refused.status_code == 403
    [reason] = refused.json()["detail"]
    assert (reason["loc"][:3], reason["type"]) == (["body", "requests", 1], "not_allowed")
    assert send(body(guarded.zone, "x.app", target="no address"), foreign).status_code == 422
    assert send(good).status_code == 207


def test_the_account_is_that_of_the_token_unless_there_are_several(guarded: Guarded) -> None:
    for account in (OWN, OTHER):
        guarded.grant(account=account)
    asked = body(guarded.zone)
    del asked["context"]
    one = guarded.by("requester")
    two = guarded.by("requester", accounts=[OWN, OTHER])
    accepted = guarded.client.post(f"{DNS}/create", json=asked, headers=one)
    assert (accepted.status_code, accepted.json()["context"]["account_id"]) == (202, OWN)
    assert guarded.client.post(f"{DNS}/create", json=asked, headers=two).status_code == 422
    assert ask(guarded, two, OTHER).status_code == 202
    batch = {"requests": [asked, {**asked, "context": {"source": "ci"}}]}
    results = guarded.client.post(f"{DNS}/batch", json=batch, headers=one).json()["results"]
    assert [each["request"]["context"]["account_id"] for each in results] == [OWN, OWN]
    planned = guarded.client.post(f"{DNS}/plan", json=batch, headers=one).json()
    call = f"{DNS}/plans/{planned['plan_id']}/apply"
    assert guarded.client.post(call, headers=one).status_code == 207


def test_what_one_has_asked_for_is_ones_own_to_see(guarded: Guarded) -> None:
    for account in (OWN, OTHER):
        guarded.grant(account=account)
    items = [body(guarded.zone, "x", account=OWN), body(guarded.zone, "y", account=OTHER)]
    gateway = guarded.by("gateway", accounts=())
    batch = guarded.client.post(f"{DNS}/batch", json={"requests": items}, headers=gateway).json()
    call = f"{DNS}/batches/{batch['batch_id']}"
    numbers = {
        name: guarded.client.get(call, headers=headers)
        for name, headers in {
            "own": guarded.by("requester"),
            "all": guarded.by("auditor", accounts=()),
            "none": guarded.by("requester", accounts=["team-c"]),
        }.items()
    }
    assert numbers["own"].json()["requests"] == 1
    assert numbers["all"].json()["requests"] == 2
    assert numbers["none"].status_code == 404
    listed = guarded.client.get(f"{DNS}/requests", headers=guarded.by("requester")).json()["items"]
    assert {each["context"]["account_id"] for each in listed} == {OWN}
    both = guarded.client.get(f"{DNS}/requests", headers=guarded.by("requester", accounts=[OWN, OTHER]))
    assert (both.status_code, both.json()["detail"][0]["loc"]) == (422, ["query", "account_id"])


def test_keys_of_other_accounts_tell_nothing(guarded: Guarded) -> None:
    guarded.grant(account=OTHER)
    other = guarded.by("requester", accounts=[OTHER])
    asked = body(guarded.zone, account=OTHER)
    first = guarded.client.post(f"{DNS}/create", json=asked, headers={**other, "Idempotency-Key": "k"})
    assert first.status_code == 202
    again = {**guarded.by("requester"), "Idempotency-Key": "k"}
    assert guarded.client.post(f"{DNS}/create", json=asked, headers=again).status_code == 403
    changed = body(guarded.zone, "changed", account=OTHER)
    assert guarded.client.post(f"{DNS}/create", json=changed, headers=again).status_code == 403
    for content in (asked, changed):
        keyed = {"requests": [content]}
        results = guarded.client.post(f"{DNS}/batch", json=keyed, headers=again).json()["results"]
        assert [each["status_code"] for each in results] == [403]


def test_a_key_gives_its_first_answer_also_when_the_grant_is_gone(guarded: Guarded) -> None:
    requester = {**guarded.by("requester"), "Idempotency-Key": "k"}
    grant = guarded.grant()
    first = ask(guarded, requester, OWN).json()
    call = f"/api/v1/access/grants/{grant}"
    assert guarded.client.delete(call, headers=guarded.by("admin", accounts=())).status_code == 204
    assert ask(guarded, requester, OWN).json()["id"] == first["id"]
    assert ask(guarded, {**requester, "Idempotency-Key": "l"}, OWN).status_code == 403


def test_what_may_not_be_made_any_more_is_not_tried_again(guarded: Guarded) -> None:
    guarded.grant()
    requester = guarded.by("requester")
    request_id = ask(guarded, requester, OWN).json()["id"]
    settle(request_id, "failed")
    guarded.grant("deny", names="www")
    call = f"{DNS}/requests/{request_id}/retry"
    refused = guarded.client.post(call, headers=requester)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert guarded.client.post(call, headers=guarded.by("operator", accounts=())).status_code == 202


def test_a_plan_is_applied_only_by_who_may_make_its_changes_then(guarded: Guarded) -> None:
    grant = guarded.grant()
    requester = guarded.by("requester")
    asked = {"requests": [body(guarded.zone)]}
    planned = guarded.client.post(f"{DNS}/plan", json=asked, headers=requester).json()
    admin = guarded.by("admin", accounts=())
    guarded.client.delete(f"/api/v1/access/grants/{grant}", headers=admin).raise_for_status()
    answer = guarded.client.post(f"{DNS}/plans/{planned['plan_id']}/apply", headers=requester)
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (403, "not_allowed")


def test_a_ptr_needs_a_grant_of_its_own(guarded: Guarded) -> None:
    reverse = "2.0.192.in-addr.arpa"
    admin = guarded.by("admin", accounts=())
    guarded.client.post("/api/v1/zones", json={"name": reverse, "backend": "bind"}, headers=admin)
    guarded.grant(zone=guarded.zone)
    requester = guarded.by("requester")
    config = {"manage_ptr": True}
    refused = ask(guarded, requester, OWN, config=config)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert f"1.{reverse} PTR" in refused.json()["detail"]
    assert ask(guarded, requester, OWN).status_code == 202
    guarded.grant(zone=reverse, names="1", types=frozenset({"PTR"}))
    assert ask(guarded, requester, OWN, config=config).status_code == 202
    assert ask(guarded, requester, OWN, config=config, target="192.0.2.2").status_code == 403


def test_what_follows_from_an_allowed_change_is_made_by_the_service(
    guarded: Guarded, zone_on: ZoneOn
) -> None:
    """A worker knows no caller: who has asked for the address was asked for its PTR as well."""
    zone, reverse = zone_on("bind"), "2.0.192.in-addr.arpa"
    for name in (zone.name, reverse):
        made = {"name": name, "backend": "bind"}
        guarded.client.post("/api/v1/zones", json=made, headers=guarded.by("operator", accounts=()))
    guarded.grant()
    asked = body(zone.name, target="192.0.2.61", config={"manage_ptr": True})
    accepted = guarded.client.post(f"{DNS}/create", json=asked, headers=guarded.by("requester"))
    assert accepted.status_code == 202
    drain(zone.name, ZoneRunner(zone), make_backends())
    listed = guarded.client.get(f"{DNS}/requests", params={"zone": reverse}, headers=guarded.by("requester"))
    [ptr] = listed.json()["items"]
    assert (ptr["resource"]["domain"], ptr["context"]["account_id"]) == (f"61.{reverse}", OWN)


def test_only_a_gateway_is_another_door(guarded: Guarded) -> None:
    guarded.grant()
    found = {}
    for role in ("requester", "gateway"):
        headers = {**guarded.by(role), "orchestrator-via": "kafka"}
        answer = ask(guarded, headers, OWN)
        found[role] = answer.json()["context"]["via"] if answer.status_code == 202 else answer.json()["code"]
        assert answer.status_code == (202 if role == "gateway" else 403)
    assert found == {"requester": "via_not_allowed", "gateway": "kafka"}


def test_a_door_that_does_not_say_who_calls_changes_nothing(
    app_settings: Settings, set_settings: SetSettings, guarded: Guarded
) -> None:
    draft = read_change(RawChange(Action.CREATE, body(guarded.zone)))
    with transaction() as session:
        [result] = submit(session, [draft])
    assert isinstance(result, Refused)
    assert result.not_allowed
