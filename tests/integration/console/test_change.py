"""New change: the grid, what is wrong in it, the plan, and its submission."""

import re

import pytest

from tests.support.console import Guests, Visitor


@pytest.fixture(scope="module")
def admin(guests: Guests) -> Visitor:
    """Somebody who may make every change."""
    return guests.by("admin")


def test_changes_are_planned_and_submitted(admin: Visitor, guests: Guests) -> None:
    form = admin.get("/change")
    assert form.status_code == 200, form.text
    planned = admin.post(
        "/change",
        action=["upsert", "upsert"],
        name=[f"grid.{guests.zone}", f"grid.{guests.zone}"],
        type=["A", "mx"],
        ttl=["60", ""],
        value=["192.0.2.10\n192.0.2.11", "mail.example.net."],
        priority=["", "10"],
        weight=["", ""],
        port=["", ""],
        account_id="team-a",
        reason="new",
    )
    assert planned.status_code == 303, planned.text
    path = planned.headers["location"].removeprefix("/console")
    plan = admin.get(path)
    assert "192.0.2.11" in plan.text
    assert "Submit exactly this" in plan.text
    applied = admin.post(f"{path}/apply")
    assert applied.status_code == 303, applied.text
    batch = re.search("batch_id=(.*)", applied.headers["location"])
    assert batch
    token = guests.client.get("/api/v1/dns/requests", params={"batch_id": batch[1]}).status_code
    assert token == 401
    assert admin.post(f"{path}/apply").headers["location"] == applied.headers["location"]
    assert "It is applied" in admin.get(path).text


def test_what_is_wrong_stands_beside_its_cell(admin: Visitor, guests: Guests) -> None:
    rows = {
        "action": ["upsert", "upsert"],
        "name": [f"bad.{guests.zone}", f"<script>.{guests.zone}"],
        "type": ["A", "A"],
        "ttl": ["soon", "60"],
        "value": ["192.0.2.256", "192.0.2.1"],
    }
    checked = admin.post("/change/check", **rows, account_id="team-a").json()
    cells = [sorted(each["cell"] for each in row) for row in checked["rows"]]
    assert cells == [["ttl", "value"], ["name"]]
    page = admin.post("/change", **rows, account_id="team-a")
    assert page.status_code == 422
    assert "2 rows have something to put right" in page.text
    assert "<script>." not in page.text


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("name,type,ttl,value\nwww.console.test,A,60,192.0.2.1\n", "", "192.0.2.1"),
        ("www.console.test\tTXT\t60\thello there\n", "", "hello there"),
        (
            '{"action": "create", "name": "w.console.test", "type": "A", "value": ["192.0.2.7"]}\n',
            "",
            "192.0.2.7",
        ),
        ("$TTL 60\nwww IN A 192.0.2.9\n    IN A 192.0.2.8\n", "console.test", "192.0.2.9"),
    ],
    ids=["csv", "tabs", "json lines", "master file"],
)
def test_files_become_rows(admin: Visitor, text: str, zone: str, expected: str) -> None:
    page = admin.post("/change/import", text=text, zone=zone)
    assert page.status_code == 200, page.text
    assert expected in page.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,type,colour\nwww,A,red\n", "columns are"),
        ("{nothing}\n", "no JSON"),
        ("www IN A 192.0.2.9\n", "which zone"),
        ("\n".join(f"w{n}.console.test,A,60,192.0.2.1" for n in range(501)), "more than 500"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_a_file_that_can_not_be_read_is_refused_with_words(admin: Visitor, text: str, words: str) -> None:
    page = admin.post("/change/import", text=text)
    assert page.status_code == 422, page.text
    assert words in page.text
