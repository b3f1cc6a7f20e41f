"""What README.md shows can be done."""

import json
import re
import subprocess
import sys
from typing import Any

from app.core.config import ROOT
from stack.embedded import Stack
from tests.support.user import User

PAGE = (ROOT / "README.md").read_text()
BLOCKS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
ASKED = re.compile(r"^python -c '([^']*)'\n```\n.*?`(www.example.test. [^`]*)`", re.MULTILINE | re.DOTALL)


def changes() -> list[dict[str, Any]]:
    """The bodies of changes that are shown."""
    return [block for block in BLOCKS if "resource" in block]


def test_every_body_that_is_shown_is_accepted_and_becomes_a_record(stack: Stack, user: User) -> None:
    assert {change["resource"]["record_type"] for change in changes()} >= {"MX", "TXT"}
    for change in changes():
        [request] = user.submit_and_wait(change)
        assert request["status"] == "succeeded", request
    assert user.dig("note.example.test", "TXT") == {r'"two" "strings with \255"'}


def test_python_asks_where_there_is_no_dig(stack: Stack, user: User) -> None:
    user.submit_and_wait(
        {
            "context": {"account_id": "team-a"},
            "resource": {"record_type": "A", "domain": "www.example.test", "target": "192.0.2.10"},
        }
    )
    [(code, shown)] = ASKED.findall(PAGE)
    code = code.replace("port=21053", f"port={stack.ports.dns}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert done.stdout.strip() == shown, done.stderr


def test_the_plan_that_is_shown_is_applied(user: User) -> None:
    [shown] = re.findall(r"<<'END'\n(.*?)\nEND\n", PAGE, re.DOTALL)
    plan = user.api.post("/dns/plan", json=json.loads(shown)).json()
    applied = user.api.post(f"/dns/plans/{plan['plan_id']}/apply")
    requests = user.wait_until_settled(each["request"]["id"] for each in applied.json()["results"])
    assert [request["status"] for request in requests] == ["succeeded", "succeeded"]
    for change in json.loads(shown)["requests"]:
        user.submit_and_wait(change | {"action": "delete"})
