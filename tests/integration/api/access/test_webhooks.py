"""Who may have events delivered, whose events these are, and until when."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from app.core.database import transaction
from app.domain.permissions import EVERYBODY, Caller, Grants, Principal, Role
from app.services.access import tokens
from app.services.webhooks import registry
from app.services.webhooks.tend import tend
from tests.support.access import Guarded, prefix_of
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.receivers import Receiver
from tests.support.settings import SetSettings
from tests.support.webhooks import Webhook, delivering, let_pass, publish

A, B = "team-a", "team-b"
DAY = 86_400.0  # seconds


@pytest.fixture
def receiver(guarded: Guarded, set_settings: SetSettings) -> Iterator[Receiver]:
    """A receiver to which webhooks may lead."""
    set_settings(WEBHOOK_ALLOW_HTTP="true", WEBHOOK_ALLOWED_NETWORKS="127.0.0.1/32")
    with Receiver().running() as running:
        yield running


def by(guarded: Guarded, *accounts: str, role: str = "requester") -> dict[str, str]:
    return dict(guarded.by(role, accounts=accounts))


def ask(guarded: Guarded, owner: str, account: str) -> None:
    """Ask for a change in the name of an account: its first event is written."""
    asked = body(guarded.zone, owner, account=account)
    answer = guarded.client.post("/api/v1/dns/create", json=asked, headers=guarded.by("admin"))
    answer.raise_for_status()


def told(receiver: Receiver, path: str) -> set[str]:
    """The accounts whose events were posted to a path."""
    return {json.loads(each.body)["data"]["account_id"] for each in receiver.at(path)}


def test_everybody_gets_what_he_may_read(guarded: Guarded, receiver: Receiver) -> None:
    api, refused = guarded.client, {"url": f"{receiver.origin}/no", "account_id": B}
    answer = api.post("/api/v1/webhooks", json=refused, headers=by(guarded, A))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    own = Webhook(api, f"{receiver.origin}/own", by(guarded, A))
    both = Webhook(api, f"{receiver.origin}/both", by(guarded, A, B))
    one = Webhook(api, f"{receiver.origin}/one", by(guarded, A, B), account_id=B)
    everybody = Webhook(api, f"{receiver.origin}/all", by(guarded, role="operator"))
    for owner, account in (("a", A), ("b", B), ("c", "team-c")):
        ask(guarded, owner, account)
    with delivering():
        for hook, number in ((own, 1), (both, 2), (one, 1), (everybody, 3)):
            eventually(lambda hook=hook, number=number: len(hook.deliveries(status="delivered")) == number)  # type: ignore[misc]
    seen = {path: told(receiver, path) for path in ("/own", "/both", "/one", "/all")}
    assert seen == {"/own": {A}, "/both": {A, B}, "/one": {B}, "/all": {A, B, "team-c"}}


def test_nobody_sees_the_webhooks_of_others(guarded: Guarded, receiver: Receiver) -> None:
    api = guarded.client
    hooks = [
        Webhook(api, f"{receiver.origin}/1", by(guarded, A)),
        Webhook(api, f"{receiver.origin}/2", by(guarded, A), account_id=A),
        Webhook(api, f"{receiver.origin}/3", by(guarded, role="operator"), account_id=A),
        Webhook(api, f"{receiver.origin}/4", by(guarded, role="operator")),
    ]

    def urls(headers: dict[str, str]) -> set[str]:
        items = api.get("/api/v1/webhooks", headers=headers).json()["items"]
        assert "whsec_" not in str(items)
        return {each["url"][-1] for each in items}

    assert urls(by(guarded, A)) == {"1", "2", "3"}
    assert urls(by(guarded, A, B)) == {"2", "3"}, "the first one is of another token"
    assert urls(by(guarded, B)) == set()
    assert urls(by(guarded, role="admin")) == {"1", "2", "3", "4"}
    delivery = hooks[1].post("test")["id"]
    calls = [("GET", ""), ("PATCH", ""), ("POST", "/test"), ("POST", "/rotate"), ("DELETE", "")]
    calls += [
        ("GET", "/deliveries"),
        ("GET", f"/deliveries/{delivery}"),
        ("POST", f"/deliveries/{delivery}/replay"),
    ]
    for method, call in calls:
        path = f"/api/v1/webhooks{hooks[1].path}{call}"
        content = {"enabled": True} if method == "PATCH" else None
        answer = api.request(method, path, headers=by(guarded, B), json=content)
        assert (answer.status_code, answer.json()["code"]) == (404, "webhook_unknown"), (method, call)
    answer = api.get(f"/api/v1/webhooks{hooks[2].path}/deliveries/{delivery}", headers=by(guarded, A))
    assert answer.json()["code"] == "delivery_unknown", "another webhook's"


def test_who_reads_more_gives_no_more_to_the_webhook_of_another(guarded: Guarded, receiver: Receiver) -> None:
    """An admin who enables it does not have everybody's events delivered to it."""
    own = Webhook(guarded.client, f"{receiver.origin}/own", by(guarded, A))
    path, admin = f"/api/v1/webhooks{own.path}", by(guarded, role="admin")
    for change in (
        {"enabled": False},
        {"enabled": True},
        {"url": None, "event_types": None, "comment": None},
    ):
        changed = guarded.client.patch(path, json=change, headers=admin)
        assert (changed.status_code, changed.json()["holder"]) == (200, own.show()["holder"])
    guarded.client.post(f"{path}/rotate", headers=admin).raise_for_status()
    ask(guarded, "a", A)
    ask(guarded, "b", B)
    with delivering():
        eventually(lambda: own.deliveries(status="delivered"))
    assert told(receiver, "/own") == {A}


def test_a_token_that_is_revoked_ends_what_it_holds(guarded: Guarded, receiver: Receiver) -> None:
    """Also what waits; whoever enables it answers for it, with what he may read."""
    revoked, admin = by(guarded, A, B), by(guarded, role="admin")
    hook = Webhook(guarded.client, f"{receiver.origin}/hook", revoked, account_id=A)
    idle = Webhook(guarded.client, f"{receiver.origin}/idle", revoked, account_id=B)
    every, by_hand = (Webhook(guarded.client, f"{receiver.origin}/{each}", revoked) for each in "12")
    by_hand.change(enabled=False)
    ask(guarded, "before", A)
    publish()
    with transaction() as session:
        holder = Caller(Principal("a test"), Grants(), unrestricted=True)
        tokens.revoke_token(session, holder, prefix_of(revoked["Authorization"].removeprefix("Bearer ")))
    guarded.client.app.state.access.expire()  # type: ignore[attr-defined]
    ask(guarded, "after", A)

    def disabled(of: Webhook) -> str:
        shown = guarded.client.get(f"/api/v1/webhooks{of.path}", headers=admin).json()
        return str(shown["disabled"])

    with delivering():
        eventually(lambda: {disabled(hook), disabled(idle)} == {"rights_lost"})
    assert not receiver.received
    enabled = guarded.client.patch(
        f"/api/v1/webhooks{hook.path}", json={"enabled": True}, headers=by(guarded, A)
    )
    assert enabled.json()["holder"] != enabled.json()["created_by"]
    for kept in (every, by_hand):  # which stay the token's, whoever enables them
        change = {"enabled": True}
        guarded.client.patch(f"/api/v1/webhooks{kept.path}", json=change, headers=admin).raise_for_status()
    ask(guarded, "later", A)
    with delivering():
        eventually(lambda: receiver.at("/hook"))
        eventually(lambda: {disabled(every), disabled(by_hand)} == {"rights_lost"})
    assert told(receiver, "/hook") == {A}
    assert {each.path for each in receiver.received} == {"/hook"}


def test_what_an_issuer_has_said_is_believed_for_a_while(guarded: Guarded, receiver: Receiver) -> None:
    person = Principal("oidc login.test/7", frozenset({A}), frozenset({Role.REQUESTER}))
    with transaction() as session:
        order = registry.Order(f"{receiver.origin}/person")
        made = registry.create(session, Caller(person, Grants()), order).webhook
    registry.listen()
    ask(guarded, "a", A)
    ask(guarded, "b", B)
    let_pass(29 * DAY)
    tend()
    with delivering():
        eventually(lambda: receiver.at("/person"))
    assert told(receiver, "/person") == {A}
    let_pass(2 * DAY)
    tend()
    with transaction() as session:
        assert registry.get(session, Caller(person, Grants()), made.id).disabled == "rights_lost"
        listeners = session.scalars(text("SELECT name FROM dns_event_listeners")).all()
    assert listeners == [], "nothing is written for nobody"


def test_whoever_tests_a_webhook_does_not_answer_for_it_by_that(guarded: Guarded, receiver: Receiver) -> None:
    hook = Webhook(guarded.client, f"{receiver.origin}/hook", by(guarded, A), account_id=A)

    def holder_after_a_test_by(tester: dict[str, str]) -> str:
        guarded.client.post(f"/api/v1/webhooks{hook.path}/test", headers=tester).raise_for_status()
        answer = guarded.client.get(f"/api/v1/webhooks{hook.path}", headers=tester)
        return str(answer.json()["holder"])

    owner = hook.show()["holder"]
    assert holder_after_a_test_by(by(guarded, role="operator")) == owner
    with transaction() as session:
        tokens.revoke_token(session, EVERYBODY, owner.removeprefix("token "))
    assert holder_after_a_test_by(by(guarded, A, B)) != owner


def test_an_account_has_twenty_webhooks_however_many_it_makes_at_once(
    guarded: Guarded, receiver: Receiver
) -> None:
    headers, wanted = by(guarded, A), {"url": f"{receiver.origin}/many", "account_id": A}

    def make(_: int) -> int:
        return guarded.client.post("/api/v1/webhooks", json=wanted, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        made = Counter(pool.map(make, range(28)))
    assert made == {201: 20, 409: 8}


def test_who_made_one_while_nobody_had_to_say_who_he_is(guarded: Guarded, receiver: Receiver) -> None:
    with transaction() as session:
        registry.create(session, EVERYBODY, registry.Order(f"{receiver.origin}/anybody"))
    tend()
    listed = guarded.client.get("/api/v1/webhooks", headers=by(guarded, role="admin")).json()["items"]
    assert [each["disabled"] for each in listed] == ["rights_lost"]
