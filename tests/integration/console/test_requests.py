"""Requests and approvals in the console: what is shown to whom, and what its buttons do."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from app.runner import make_runner
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from tests.support.access import add_grant, make_token
from tests.support.builders import body
from tests.support.console import Guests, Visitor
from tests.support.planning import planning_worker

ZONE = "console.test"
HOSTILE = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def more_settings() -> dict[str, str]:
    return {"EXECUTOR": "simulated", "SIMULATED_DELAY": "0"}


@pytest.fixture(scope="module", autouse=True)
def _granted(guests: Guests) -> Iterator[None]:
    """The accounts team-a and team-b may change everything; some of it is reviewed."""
    for account in ("team-a", "team-b"):
        add_grant(account=account, zone=ZONE)
    for owner in ("r1", "r2", "r3", "rhostile"):
        add_grant("review", account="team-a", zone=ZONE, names=owner)
    guests.client.patch(f"/api/v1/zones/{ZONE}", headers=api(guests, "admin"), json={"approvers": ["chiefs"]})
    with planning_worker():
        yield


def api(guests: Guests, *roles: str, account: str = "team-a") -> dict[str, str]:
    """The header of a token for the API."""
    token = make_token(*roles, accounts=[account])
    guests.expire()
    return {"Authorization": f"Bearer {token}"}


def ask(
    guests: Guests, owner: str, account: str = "team-a", why: dict[str, str] | None = None, **fields: Any
) -> str:
    asked = body(ZONE, owner, account=account, **fields)
    asked["context"] |= why or {}
    answer = guests.client.post(
        "/api/v1/dns/create", json=asked, headers=api(guests, "requester", account=account)
    )
    assert answer.status_code == 202, answer.text
    found: str = answer.json()["id"]
    return found


def work() -> None:
    drain(ZONE, make_runner(), make_backends())


def words(page: httpx2.Response) -> str:
    """What a reader reads of a page."""
    assert page.status_code == 200, page.text
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


@pytest.fixture
def requester(guests: Guests) -> Visitor:
    return guests.by("requester")


def test_a_request_is_found_by_whatever_is_known_of_it(guests: Guests, requester: Visitor) -> None:
    found = ask(guests, "found", target="192.0.2.77", why={"ticket": "OPS-17", "reason": "a new host"})
    ask(guests, "another")
    for filters in (
        {"domain": f"found.{ZONE}"},
        {"value": "0.2.77"},
        {"ticket": "OPS-17"},
        {"value": "192.0.2.77", "open": "true", "zone": ZONE},
        {"value": "192.0.2.77", "status": "pending", "account_id": "team-a"},
    ):
        listed = words(requester.get("/requests", **filters))
        assert f"found.{ZONE}" in listed, filters
        assert f"another.{ZONE}" not in listed, filters
    for filters in ({"value": "%"}, {"value": "_"}, {"ticket": "OPS-1"}):
        assert "No request is like this" in words(requester.get("/requests", **filters))
    led = requester.get("/requests", id=f" {found} ")
    assert (led.status_code, led.headers["location"]) == (303, f"/console/requests/{found}")
    wrong = requester.get("/requests", id="nonsense")
    assert (wrong.status_code, "this is not the id of a request" in wrong.text) == (422, True)
    beside = requester.get("/requests", domain="a..b")
    assert (beside.status_code, 'aria-describedby="h-domain"' in beside.text) == (422, True)
    work()
    assert f"found.{ZONE}" not in words(requester.get("/requests", open="true"))


def test_accounts_see_their_own(guests: Guests, requester: Visitor) -> None:
    theirs = ask(guests, "theirs", account="team-b")
    assert f"theirs.{ZONE}" not in words(requester.get("/requests"))
    assert f"theirs.{ZONE}" not in words(requester.get("/"))
    assert requester.get("/requests", account_id="team-b").status_code == 403
    for path in ("", "/log"):
        assert requester.get(f"/requests/{theirs}{path}").status_code == 404
    for act in ("cancel", "retry", "undo"):
        assert requester.post(f"/requests/{theirs}/{act}").status_code in (404, 403)
    both = guests.by("requester", accounts=("team-a", "team-b"))
    assert f"theirs.{ZONE}" not in words(both.get("/requests"))
    assert f"theirs.{ZONE}" in words(both.get("/requests", account_id="team-b"))
    assert f"theirs.{ZONE}" in words(guests.by("auditor").get("/requests"))


def test_from_acceptance_to_undo(guests: Guests, requester: Visitor) -> None:
    made = ask(guests, "goes", target="192.0.2.8")
    waiting = words(requester.get(f"/requests/{made}"))
    assert "pending" in waiting
    assert "Cancel" in waiting
    assert "Undo" not in waiting
    work()
    shown = words(requester.get(f"/requests/{made}"))
    for expected in ("succeeded", "answered by every server", "added: 300 192.0.2.8", "Undo", "team-a"):
        assert expected in shown
    undone = requester.post(f"/requests/{made}/undo", reason="a mistake")
    there = undone.headers["location"]
    page = words(requester.get(there.removeprefix("/console").partition("?")[0], done="undoes"))
    assert "This request takes the other one back." in page
    assert made in page
    found = guests.client.get(
        f"/api/v1/dns/requests/{there.partition('?')[0].rpartition('/')[2]}", headers=api(guests, "auditor")
    ).json()
    assert (found["context"]["via"], found["context"]["reason"]) == ("console", "a mistake")
    again = requester.post(f"/requests/{made}/undo")
    assert (again.status_code, "undone_already" in again.text) == (409, True)
    work()


def test_cancel_and_retry(guests: Guests, requester: Visitor) -> None:
    made = ask(guests, "back")
    assert requester.post(f"/requests/{made}/cancel").headers["location"].endswith("?done=cancelled")
    cancelled = words(requester.get(f"/requests/{made}", done="cancelled"))
    assert "Cancelled." in cancelled
    assert "Retry" in cancelled
    assert requester.post(f"/requests/{made}/retry").status_code == 303
    assert "pending" in words(requester.get(f"/requests/{made}"))
    settled = requester.post(f"/requests/{uuid4()}/cancel")
    assert (settled.status_code, "request_unknown" in settled.text) == (404, True)


def test_what_is_done_with_a_selection_is_said_of_each(guests: Guests, requester: Visitor) -> None:
    own, theirs = ask(guests, "own"), ask(guests, "not-own", account="team-b")
    page = words(requester.post("/requests/cancel", selected=[own, theirs]))
    assert "1 of 2 cancelled" in page
    assert f"{theirs} : there is no such request" in page
    assert "1 of 1 retried" in words(requester.post("/requests/retry", selected=[own]))
    for wrong in ([], ["nonsense"], [str(UUID(int=each)) for each in range(51)]):
        answer = requester.post("/requests/cancel", selected=wrong)
        assert (answer.status_code, "selection_invalid" in answer.text) == (422, True)
    work()


def test_an_approver_looks_and_decides(guests: Guests, requester: Visitor) -> None:
    first, second, third = (ask(guests, owner, why={"reason": "please"}) for owner in ("r1", "r2", "r3"))
    approver = guests.by("approver", accounts=("chiefs",))
    inbox = words(approver.get("/approvals"))
    assert f"r1.{ZONE}" in inbox
    assert "please" in inbox
    assert "Waits for your approval" in words(approver.get("/"))
    assert f"r1.{ZONE}" not in words(requester.get("/approvals"))
    look = approver.get(f"/approvals/{first}")
    assert "added: 300 192.0.2.1" in words(look)
    state = re.search(r'name="state" value="([0-9a-f]{64})"', look.text)
    assert state
    stale = approver.post(f"/approvals/{first}/approve", state="0" * 64)
    assert stale.status_code == 409
    own = requester.post(f"/approvals/{first}/approve", state=state[1])
    assert own.status_code == 403
    approved = approver.post(f"/approvals/{first}/approve", state=state[1], comment="fine")
    assert approved.headers["location"] == f"/console/requests/{first}?done=approved"
    assert "1 of 1 approved" in words(approver.post("/requests/approve", selected=[second]))
    rejected = approver.post(f"/approvals/{third}/reject", comment="no\r\nreally")
    assert rejected.status_code == 303
    shown = words(requester.get(f"/requests/{third}"))
    assert "really" in shown
    assert "What to do" in shown
    too_long = approver.post(f"/approvals/{second}/reject", comment="x" * 1001)
    assert (too_long.status_code, "comment" in too_long.text) == (422, True)
    nul = approver.post(f"/approvals/{second}/reject", comment="a\0b")
    assert nul.status_code == 422
    assert approver.get(f"/approvals/{first}").status_code == 409
    work()


def test_no_text_of_a_requester_becomes_part_of_a_page(guests: Guests, requester: Visitor) -> None:
    why = {"reason": HOSTILE, "ticket": HOSTILE[:200]}
    quoted = HOSTILE.replace("\\", "\\\\").replace('"', '\\"')
    hostile = ask(guests, "rhostile", record_type="TXT", target=f'"{quoted}"', comment=HOSTILE, why=why)
    approver = guests.by("approver", accounts=("chiefs",))
    pages = [
        requester.get("/requests", ticket=HOSTILE[:200], value=HOSTILE[:20]),
        requester.get(f"/requests/{hostile}"),
        requester.get("/requests", domain=HOSTILE),
        requester.get("/requests", id=HOSTILE, part=HOSTILE, done=HOSTILE),
        requester.get("/login", next=HOSTILE),
        requester.get("/"),
        approver.get("/"),
        approver.get("/approvals"),
        approver.get(f"/approvals/{hostile}"),
        guests.nobody().get("/login", next=f"/{HOSTILE}"),
        approver.post(f"/approvals/{hostile}/reject", comment=HOSTILE),
        requester.get(f"/requests/{hostile}"),
        requester.get(f"/requests/{hostile}/log"),
        requester.get(f"/{HOSTILE}"),
    ]
    for page in pages:
        assert page.status_code < 500
        assert "<script>alert" not in page.text, page.url
        assert "<img" not in page.text, page.url
    assert sum("&lt;script&gt;alert" in page.text for page in pages) >= 7


def test_home_shows_what_is_ones_own_and_operators_everything(guests: Guests, requester: Visitor) -> None:
    ask(guests, "mine-now")
    own = words(requester.get("/"))
    assert f"mine-now.{ZONE}" in own
    assert "Backends" not in own
    operator = words(guests.by("operator").get("/"))
    for expected in ("Backends", "Zones by what waits", ZONE, "accepted a minute", "drift"):
        assert expected in operator
    part = requester.get("/", part="now").text
    assert "<html" not in part
    assert requester.get("/", hours="49").status_code == 422
    work()
