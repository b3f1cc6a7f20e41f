"""New change: the grid, what is wrong in it, the plan, and its submission."""

from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import httpx2
import pytest

from app.core.database import transaction
from app.store import records
from app.store.records import AnsweredRRset
from tests.support.access import add_grant, make_token
from tests.support.builders import body
from tests.support.console import Guests, Visitor


@pytest.fixture(scope="module")
def admin(guests: Guests) -> Visitor:
    """Somebody who may make every change."""
    return guests.by("admin")


def follow(visitor: Visitor, answer: httpx2.Response) -> httpx2.Response:
    """Open the page that an answer leads to."""
    to = urlsplit(answer.headers["location"])
    return visitor.get(to.path.removeprefix("/console"), **dict(parse_qsl(to.query)))


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
    listed = follow(admin, applied)
    assert "Submitted." in listed.text
    assert listed.text.count(f">grid.{guests.zone}</a>") == 2
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
    page = admin.post("/change/import", text=text, origin=zone)
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


def record(zone: str, owner: str, address: str) -> None:
    """Have an address on record, as if a request of another account had made it."""
    with transaction() as session:
        found = AnsweredRRset(zone, f"{owner}.{zone}", "A", 60, (address,), "team-x", uuid4(), None)
        records.put(session, [found])


def ask_for_one(visitor: Visitor, name: str, value: str = "192.0.2.1", **fields: str) -> httpx2.Response:
    """Have one change planned."""
    return visitor.post("/change", action="upsert", name=name, type="A", value=value, ttl="60", **fields)


def test_a_requester_of_several_accounts_is_led_to_what_he_has_submitted(guests: Guests) -> None:
    add_grant(account="team-n", zone=guests.zone, names="mine")
    add_grant("review", account="team-n", zone=guests.zone, names="mine")
    requester = guests.by("requester", accounts=("team-m", "team-n"))
    guests.expire()
    planned = ask_for_one(requester, f"mine.{guests.zone}", account_id="team-n")
    path = planned.headers["location"].removeprefix("/console")
    page = requester.get(path).text
    assert "1 waits for an approval once submitted" in page
    assert "Somebody has to approve it" in page
    applied = requester.post(f"{path}/apply")
    listed = follow(requester, applied)
    assert f">mine.{guests.zone}</a>" in listed.text
    assert "awaiting approval" in listed.text
    assert guests.by("requester", accounts=("team-o",)).get(path).status_code == 404
    denied = ask_for_one(requester, f"theirs.{guests.zone}", account_id="team-n")
    assert denied.status_code == 422
    assert "not_allowed" in denied.text


def test_a_requester_is_not_told_what_is_meant_for_operators(admin: Visitor, guests: Guests) -> None:
    add_grant(account="team-q", zone=guests.zone, names="secret")
    record(guests.zone, "host.secret", "192.0.2.7")
    shown = []
    for visitor in (admin, guests.by("requester", accounts=("team-q",))):
        guests.expire()
        planned = visitor.post(
            "/change",
            action="upsert",
            name=f"secret.{guests.zone}",
            type="DNAME",
            value="x.example.",
            account_id="team-q",
        )
        assert planned.status_code == 303, planned.text
        shown.append(visitor.get(planned.headers["location"].removeprefix("/console")).text)
    assert ["host.secret" in page for page in shown] == [True, False]
    assert "there is data below the name" in shown[1]


def test_a_stale_plan_is_planned_again(admin: Visitor, guests: Guests) -> None:
    paths = [
        ask_for_one(admin, f"stale.{guests.zone}", value, account_id="team-a").headers["location"]
        for value in ("192.0.2.1", "192.0.2.2")
    ]
    first, second = (path.removeprefix("/console") for path in paths)
    record(guests.zone, "stale", "192.0.2.9")
    stale = admin.post(f"{first}/apply")
    assert stale.status_code == 409
    assert "plan_stale" in stale.text
    assert "192.0.2.9" in stale.text
    again = admin.post(f"{second}/again")
    assert again.status_code == 303
    assert "192.0.2.9" in admin.get(again.headers["location"].removeprefix("/console")).text


def test_the_grid_without_scripts(admin: Visitor, guests: Guests) -> None:
    page = admin.post("/change/rows", name=["kept.console.test", "", ""], type=["A", "", ""])
    assert page.text.count('name="value"') == 14  # with the one in the template
    assert "kept.console.test" in page.text
    nothing = admin.post("/change", name=["", ""], account_id="team-a")
    assert nothing.status_code == 422
    assert "nothing_to_change" in nothing.text


def test_as_many_rows_as_the_grid_has_are_planned(admin: Visitor, guests: Guests) -> None:
    number = 500
    rows = {name: [""] * number for name in ("action", "priority", "weight", "port")}
    names = [f"many-{each}.{guests.zone}" for each in range(number)]
    rows |= {"name": names, "type": ["A"] * number, "ttl": ["60"] * number, "value": ["192.0.2.1"] * number}
    planned = admin.post("/change", **rows, account_id="team-a")
    assert planned.status_code == 303, planned.text
    more = {name: [*cells, cells[0]] for name, cells in rows.items()}
    assert admin.post("/change", **more, account_id="team-a").status_code == 422


def test_why_a_plan_can_not_be_atomic_is_said_in_the_grid(admin: Visitor, guests: Guests) -> None:
    names = [f"atomic.{guests.zone}", "atomic.elsewhere.test"]
    rows = {"name": names, "type": ["A", "A"], "value": ["192.0.2.1", "192.0.2.2"]}
    token = {"Authorization": f"Bearer {make_token('admin')}"}
    guests.expire()
    served = {"name": "elsewhere.test", "backend": "bind"}
    assert guests.client.post("/api/v1/zones", json=served, headers=token).status_code == 201
    page = admin.post("/change", **rows, account_id="team-a", atomic="true")
    assert page.status_code == 422
    assert f'value="{names[1]}"' in page.text
    assert "atomic_zones" in page.text


def test_what_the_grid_has_no_place_for_is_named(admin: Visitor, guests: Guests) -> None:
    config = {"manage_ptr": False, "extra_config": {"owner": "lab"}}
    asked = body(guests.zone, "commented", comment="a comment", config=config)
    token = {"Authorization": f"Bearer {make_token('admin', accounts=['team-a'])}"}
    guests.expire()
    answer = guests.client.post("/api/v1/dns/create", json=asked, headers=token)
    page = admin.get("/change", **{"from": answer.json()["id"]})
    assert "would leave it out: owner." in page.text
    assert 'value="a comment"' in page.text
    assert "<option selected>no</option>" in page.text
    assert f'value="commented.{guests.zone}"' in page.text
