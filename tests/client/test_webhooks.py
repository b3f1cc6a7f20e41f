"""The commands about webhooks, against a running system."""

import json
from typing import Any

from dns_orchestrator import Client
from tests.client.conftest import Run

URL = "https://hooks.invalid/events"


def told(run: Run, *words: str) -> Any:
    """What a command prints as JSON."""
    done = run("webhooks", *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_webhook_from_its_making_to_its_end(run: Run, dns: Client) -> None:
    made = run("webhooks", "create", URL, "--event", "dns.request.failed", "--account", "team-w")
    everybodys = told(run, "create", URL, "--every-account")
    assert everybodys["account_id"] is None
    run("webhooks", "remove", everybodys["id"])
    assert made.stdout.startswith("whsec_")
    [found] = [each for each in told(run, "list") if each["account_id"] == "team-w"]
    webhook = found["id"]
    assert (found["url"], found["state"]) == (URL, "well")
    assert webhook in made.stderr
    assert "hooks.invalid" in run("webhooks", "list").stdout
    changed = run("webhooks", "set", webhook, "--to", f"{URL}/2", "--comment", "a chat")
    assert f"{URL}/2" in changed.stdout
    assert told(run, "show", webhook)["comment"] == "a chat"
    assert told(run, "disable", webhook)["disabled"] == "by_hand"
    tested = run("webhooks", "test", webhook)
    assert tested.exit_code == 1, "its name has no address"
    assert tested.stdout.startswith("failed: not answered")
    [delivery] = told(run, "deliveries", webhook, "--status", "failed")
    assert delivery["event_type"] == "dns.webhook.test"
    assert "dns.webhook.test" in run("webhooks", "delivery", webhook, delivery["id"]).stdout
    assert dns.webhooks.replay(webhook, delivery["id"]).status == "pending"
    assert told(run, "enable", webhook)["disabled"] is None
    assert run("webhooks", "rotate", webhook).stdout.startswith("whsec_")
    assert told(run, "show", webhook)["old_secret_until"]
    assert "removed" in run("webhooks", "remove", webhook).stdout
    assert run("webhooks", "show", webhook).exit_code == 4
    assert run("webhooks", "create", "http://127.0.0.1/").exit_code == 2
