"""The examples that send messages and read what is told of them, on a running stack."""

import json
import os
import subprocess
import sys
from typing import Any

from stack.embedded import Stack
from stack.paths import ROOT
from tests.support.eventually import eventually
from tests.support.user import User


def test_what_it_sends_becomes_a_request(stack: Stack, user: User, zone: str) -> None:
    resource = {"record_type": "TXT", "domain": f"note.{zone}", "target": "hello"}
    line = json.dumps({"context": {"account_id": "team-a"}, "resource": resource})
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "send.py"],
        env=os.environ | stack.env,
        input=line + "\n",
        text=True,
        stderr=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    assert done.stderr.startswith("1 sent to dns_requests at ")
    found = eventually(lambda: user.api.get("/dns/requests", params={"zone": zone}).json()["items"])
    [request] = user.wait_until_settled(each["id"] for each in found)
    assert (request["status"], request["context"]["via"]) == ("succeeded", "kafka")
    events: list[dict[str, Any]] = []

    def all_told() -> bool:
        read = [sys.executable, str(ROOT / "examples" / "results.py"), "--once"]
        done = subprocess.run(
            read, env=os.environ | stack.env, stdout=subprocess.PIPE, check=True, timeout=60
        )
        found = map(json.loads, done.stdout.splitlines())
        events[:] = [event for event in found if event["subject"] == request["id"]]
        return any(event["type"] == "dns.request.succeeded" for event in events)

    eventually(all_told)
    told = [event["type"] for event in events]
    assert told == [f"dns.request.{status}" for status in ("pending", "running", "succeeded")]
