"""Deliveries to receivers that take them, refuse them, or never answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from app.core.database import transaction
from app.services.access import audit
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.webhooks.note import note_disabled
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.fixed_runner import APPLIED, FixedRunner
from tests.support.receivers import Receiver
from tests.support.settings import SetSettings
from tests.support.webhooks import Webhook, delivering, let_pass, publish

LIFE = [f"dns.request.{status}" for status in ("pending", "running", "succeeded")]
DAY = 86_400.0  # seconds


@pytest.fixture
def api(simulated: TestClient, set_settings: SetSettings) -> TestClient:
    """The API; webhooks may lead to receivers of this machine."""
    set_settings(WEBHOOK_ALLOW_HTTP="true", WEBHOOK_ALLOWED_NETWORKS="127.0.0.1/32", WEBHOOK_TIMEOUT="2")
    return simulated


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


def change_name(api: TestClient, zone: str, *owners: str, account: str = "team-a") -> None:
    """Ask for a change of each of these names, and have them made."""
    items = [body(zone, owner, action="upsert", account=account) for owner in owners]
    api.post("/api/v1/dns/batch", json={"requests": items}).raise_for_status()
    drain(zone, FixedRunner(APPLIED), make_backends())


def types_at(receiver: Receiver, path: str) -> list[str]:
    return [json.loads(each.body)["type"] for each in receiver.at(path)]


def settled(webhook: Webhook, number: int) -> list[dict[str, Any]]:
    """Its deliveries, when so many are settled."""

    def look() -> list[dict[str, Any]] | None:
        found = [each for each in webhook.deliveries(limit="100") if each["status"] != "pending"]
        return found if len(found) >= number else None

    return eventually(look)


def test_events_are_delivered_in_order_and_signed(api: TestClient, new_zone: str, receiver: Receiver) -> None:
    everything = Webhook(api, f"{receiver.origin}/all")
    ends = Webhook(api, f"{receiver.origin}/ends", account_id="team-a", event_types=[LIFE[-1]])
    other = Webhook(api, f"{receiver.origin}/other", account_id="team-b")
    first_secret, second_secret = ends.secret, ends.post("rotate")["secret"]
    change_name(api, new_zone, "www", "mail")
    change_name(api, new_zone, "others", account="team-b")
    with delivering():
        deliveries = settled(everything, 9)
        settled(ends, 2)
        settled(other, 3)
    by_request: dict[str, list[str]] = {}
    for each in receiver.at("/all"):
        Verifier(everything.secret).verify(each.body, each.headers)
        event = json.loads(each.body)
        by_request.setdefault(event["subject"], []).append(event["type"])
        assert each.headers["webhook-id"] == event["id"]
        assert each.headers["content-type"].startswith("application/cloudevents+json")
    assert list(by_request.values()) == [LIFE] * 3
    assert {(each["status"], each["attempts"], each["status_code"]) for each in deliveries} == {
        ("delivered", 1, 204)
    }
    assert types_at(receiver, "/ends") == LIFE[-1:] * 2
    assert {json.loads(each.body)["data"]["account_id"] for each in receiver.at("/other")} == {"team-b"}
    rotated = receiver.at("/ends")[0]
    for secret in (first_secret, second_secret):  # for a day
        Verifier(secret).verify(rotated.body, rotated.headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(everything.secret).verify(rotated.body, rotated.headers)
    let_pass(DAY)
    [first] = [each for each in settled(ends, 2) if each["event_id"] == rotated.headers["webhook-id"]]
    again = ends.post(f"deliveries/{first['id']}/replay")
    with delivering():
        settled(ends, 3)
    replayed = receiver.at("/ends")[-1]
    assert replayed.headers["webhook-id"] == rotated.headers["webhook-id"] == again["event_id"]
    Verifier(second_secret).verify(replayed.body, replayed.headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(first_secret).verify(replayed.body, replayed.headers)


def test_a_webhook_that_takes_nothing_delays_nobody(
    api: TestClient, new_zone: str, receiver: Receiver
) -> None:
    """The others go on; it is tried with growing pauses, and disabled after three days."""
    dead = [Webhook(api, f"{receiver.origin}/{path}") for path in ("slow", "dripping-headers", "close")]
    well = Webhook(api, f"{receiver.origin}/well")
    change_name(api, new_zone, *(f"h{number}" for number in range(3)))
    with delivering():
        assert len(settled(well, 9)) == 9
        for each in dead:
            eventually(lambda each=each: each.show()["failures"])  # type: ignore[misc]
    for each in dead:
        shown = each.show()
        assert (shown["state"], shown["waiting"]) == ("failing", 9)
        assert shown["paused_until"] > shown["failing_since"]
    assert well.show()["state"] == "well"
    [silent, *_] = dead
    tried, failures = len(receiver.at("/slow")), silent.show()["failures"]
    let_pass(1_800)
    with delivering():
        eventually(lambda: silent.show()["failures"] > failures)
    more = silent.show()["failures"] - failures
    assert len(receiver.at("/slow")) - tried == more, "one alone, to see whether it takes anything"
    let_pass(3 * DAY)
    with delivering():
        eventually(lambda: silent.show()["disabled"])
    assert silent.show()["disabled"] == "failing"
    assert silent.show()["last_code"] == "timeout"
    note_disabled()
    with transaction() as session:
        disabled = [
            each for each in audit.list_entries(session, 100, None).items if each.act == "webhook_disabled"
        ]
    assert {each.subject for each in disabled} >= {silent.path.strip("/")}
    silent.change(url=f"{receiver.origin}/mended", enabled=True)
    with delivering():
        eventually(lambda: silent.show()["waiting"] == 0)
    by_request: dict[str, list[str]] = {}
    for post in receiver.at("/mended"):
        event = json.loads(post.body)
        by_request.setdefault(event["subject"], []).append(event["type"])
    assert {tuple(types) for types in by_request.values()} <= {tuple(LIFE), tuple(LIFE[1:])}


def test_what_alone_is_not_taken_holds_up_its_own_request_only(
    api: TestClient, new_zone: str, receiver: Receiver
) -> None:
    webhook = Webhook(api, f"{receiver.origin}/picky")
    change_name(api, new_zone, "good")
    publish()
    receiver.refuse = b"bad."
    change_name(api, new_zone, "bad", "also-good")
    with delivering():
        settled(webhook, 6)
        eventually(lambda: webhook.show()["state"] == "well")
    [first, *others] = webhook.deliveries(status="pending")
    assert (first["attempts"] > 0, first["code"], len(others)) == (True, "answered_error", 2)
    assert [each["attempts"] for each in others] == [0, 0]
    receiver.refuse = None
    with transaction() as session:
        session.execute(text("UPDATE webhook_deliveries SET next_try_at = next_try_at + interval '1 hour'"))
    webhook.change(enabled=True)  # it is not disabled: nothing waits for the end of its pause any more
    with delivering():
        settled(webhook, 9)
    bad = [json.loads(each.body) for each in receiver.at("/picky") if b'"bad.' in each.body]
    assert [each["type"] for each in bad][-3:] == LIFE


def test_gone_disables_and_busy_is_left_alone(api: TestClient, new_zone: str, receiver: Receiver) -> None:
    receiver.answers["/gone"] = 410
    gone, busy = Webhook(api, f"{receiver.origin}/gone"), Webhook(api, f"{receiver.origin}/busy")
    change_name(api, new_zone, "www")
    with delivering():
        eventually(lambda: gone.show()["disabled"])
        eventually(lambda: busy.show()["failures"])
    assert gone.show()["disabled"] == "gone"
    let_pass(100)  # it has asked for 120
    with delivering():
        test = busy.post("test")
        eventually(lambda: settled(busy, 1))
    assert types_at(receiver, "/busy").count(LIFE[0]) == 1
    [tested] = settled(busy, 1)
    assert (tested["id"], tested["status"], tested["answer"]) == (test["id"], "failed", "slowly")
    let_pass(30)
    with delivering():
        eventually(lambda: busy.show()["failures"] == 2)
