"""What operators and admins do: make tokens, send dead letters back, look at runs."""

import json

import pytest
from confluent_kafka import Producer
from playwright.sync_api import Route, expect

from stack.embedded import Stack
from tests.support.browser import Reader
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.user import User


def test_a_token_is_made_copied_and_revoked(reader: Reader) -> None:
    reader.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = reader.open("/access")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name="Make a token").click()
    assert reader.inaccessible() == ""
    page.get_by_label("requester").check()
    page.get_by_label("Accounts").fill("team-browser")
    sent: list[Route] = []
    page.route("**/access/tokens/new", lambda route: sent.append(route))  # which waits until it is let go
    twice = "button => new Promise(done => { button.click(); setTimeout(() => done(button.click()), 50) })"
    page.get_by_role("button", name="Make the token").evaluate(twice)
    page.wait_for_timeout(50)
    assert len(sent) == 1
    sent[0].continue_()
    secret = page.locator("#secret").inner_text()
    assert reader.inaccessible() == ""
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.get_by_role("link", name="To the tokens").click()
    row = page.get_by_role("row").filter(has_text="team-browser")
    row.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The token is revoked")).to_be_visible()
    expect(row.get_by_text("revoked", exact=True)).to_be_visible()
    assert reader.inaccessible(contrasts=True) == ""


@pytest.mark.thorough
@pytest.mark.parametrize(
    "path",
    [
        "/access/grants",
        "/access/explain?domain=a.example.test&account_id=a",
        "/access/quotas",
        "/access/audit",
        "/zones/example.test/settings",
        "/zones/example.test/access",
        "/zones/example.test/rollback",
    ],
)
def test_a_page_that_is_only_looked_at(reader: Reader, path: str) -> None:
    reader.open(path)
    assert reader.inaccessible() == ""


def test_a_dead_letter_is_sent_back_and_becomes_a_request(reader: Reader, user: User, stack: Stack) -> None:
    zone = "dead.example.test"
    producer = Producer({"bootstrap.servers": stack.env["KAFKA_BROKER_URL"]})
    message = body(zone, record_type="A", target="not an address")
    good = json.dumps(body("later.example.org", account="team-dead")).encode()
    for value in (json.dumps(message).encode(), good):
        producer.produce(stack.env["KAFKA_DNS_TOPIC"], value)
    assert producer.flush(20) == 0
    page = reader.open("/dead-letters")
    page.on("dialog", lambda dialog: dialog.accept())
    eventually(lambda: "zone_unknown" in reader.open("/dead-letters").inner_text("body"))
    assert reader.inaccessible() == ""
    stack.add_zone("later.example.org")
    user.serve("later.example.org")
    row = page.get_by_role("row").filter(has_text="zone_unknown")
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Send back what is ticked").click()
    expect(page.get_by_text("The messages are on their way again.")).to_be_visible()
    eventually(lambda: user.api.get("/dns/requests", params={"account_id": "team-dead"}).json()["items"])


def test_a_run_is_found_and_shows_what_it_said(reader: Reader, user: User) -> None:
    [settled] = user.submit_and_wait(body("example.test", "in-a-run"))
    page = reader.open("/runs?zone=example.test")
    assert reader.inaccessible() == ""
    page.get_by_role("row").nth(1).get_by_role("link").click()
    expect(page.get_by_role("heading", name="Run in example.test")).to_be_visible()
    reader.open(f"/runs/{settled['run_id']}")
    expect(page.get_by_role("row").filter(has_text="in-a-run")).to_be_visible()
    assert reader.inaccessible() == ""


@pytest.mark.thorough
def test_a_webhook_is_made_and_tested(reader: Reader) -> None:
    page = reader.open("/webhooks/new")
    assert reader.inaccessible() == ""
    page.get_by_label("URL").fill("https://hooks.invalid/events")
    page.get_by_label("dns.request.failed").check()
    page.get_by_role("button", name="Make the webhook").click()
    expect(page.locator("#secret")).to_contain_text("whsec_")
    assert reader.inaccessible() == ""
    page.get_by_role("link", name="To the webhook").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("A test is on its way")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="dns.webhook.test")).to_be_visible()
    assert reader.inaccessible() == ""
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    expect(page.get_by_text("a test: nothing has happened")).to_be_visible()
    assert reader.inaccessible(contrasts=True) == ""
    reader.open("/webhooks")
    assert reader.inaccessible() == ""
