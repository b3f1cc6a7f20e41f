"""The bodies and answers that the API by example shows are those of the API."""

import json
import re
from typing import Any

from app.core.config import ROOT
from stack.embedded import Stack
from tests.support.user import User

PAGE = (ROOT / "docs" / "tutorial" / "api.md").read_text()
BLOCKS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


def changes() -> list[dict[str, Any]]:
    """The bodies of changes that are shown."""
    return [block for block in BLOCKS if "resource" in block]


def test_every_body_that_is_shown_is_accepted_and_becomes_a_record(stack: Stack, user: User) -> None:
    assert {change["resource"]["record_type"] for change in changes()} >= {"MX", "TXT"}
    for change in changes():
        [request] = user.submit_and_wait(change)
        assert request["status"] == "succeeded", request
    assert r'"two" "strings with \255"' in user.dig("note.example.test", "TXT")


def test_the_refusal_that_is_shown_is_what_is_answered(user: User) -> None:
    [shown] = [block for block in BLOCKS if "detail" in block]
    wrong = {"record_type": "A", "domain": "www.other.test", "target": "192.0.2.1000"}
    answer = user.api.post("/dns/create", json={"context": {"account_id": "team-a"}, "resource": wrong})
    assert (answer.status_code, answer.json()) == (422, shown)
