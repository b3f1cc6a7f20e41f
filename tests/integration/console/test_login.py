"""Sessions: begun with a token, and at an end with it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app.core.database import transaction
from app.domain.permissions import SERVICE
from app.services.access import failures, sessions, tokens
from app.services.access.refusals import Refusals
from app.store.models import ConsoleSession
from tests.support.access import bearer, make_token, prefix_of
from tests.support.console import Guests
from tests.support.eventually import eventually


def test_who_is_not_logged_in_is_led_to_the_login_and_back(guests: Guests) -> None:
    visitor = guests.nobody()
    away = visitor.get("/requests", status="failed", part="list")
    assert (away.status_code, away.headers["location"]) == (
        303,
        "/console/login?next=%2Frequests%3Fstatus%3Dfailed",
    )
    form = visitor.get("/login", next="/requests?status=failed")
    assert 'value="/requests?status=failed"' in form.text
    token = make_token("requester", accounts=["team-a"], person="Ann")
    guests.expire()
    back = visitor.log_in(token, "/requests?status=failed")
    assert (back.status_code, back.headers["location"]) == (303, "/console/requests?status=failed")
    page = visitor.get("/requests")
    assert page.status_code == 200
    assert "Ann" in page.text
    assert visitor.get("/login").headers["location"] == "/console/"
    posted = guests.nobody().post("/logout")
    assert posted.headers["location"] == "/console/login?done=logged-out"


def test_the_cookie_is_for_this_service_alone(guests: Guests) -> None:
    token = make_token("auditor")
    guests.expire()
    [cookie] = guests.nobody().log_in(token).headers.get_list("set-cookie")
    assert re.fullmatch(
        r"dnso_session=[\w-]{43}; HttpOnly; Max-Age=28800; Path=/console; SameSite=lax", cookie
    ), cookie
    assert token not in cookie


@pytest.mark.parametrize(
    "wanted",
    ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "elsewhere", "/a\r\nb: c"],
)
def test_the_login_leads_nowhere_else(guests: Guests, wanted: str) -> None:
    token = make_token("auditor")
    guests.expire()
    there = guests.nobody().log_in(token, wanted).headers["location"]
    assert re.fullmatch(r"/console/[!-~]*", there), there


def test_a_session_ends_with_its_token(guests: Guests) -> None:
    token = make_token("auditor")
    visitor = guests.with_token(token)
    assert visitor.get("/requests").status_code == 200
    with transaction() as session:
        tokens.revoke_token(session, SERVICE, prefix_of(token))
    guests.expire()
    assert visitor.get("/requests").headers["location"].startswith("/console/login")


def test_what_a_token_may_not_a_session_may_not(guests: Guests) -> None:
    elsewhere = make_token("auditor", networks=["192.0.2.0/24"])
    brief = make_token("auditor", lifetime=0.01)
    guests.expire()
    assert guests.nobody().log_in(elsewhere).status_code == 401
    eventually(lambda: guests.nobody().log_in(brief).status_code == 401)


def test_a_session_ends_by_itself_and_by_its_reader(guests: Guests) -> None:
    token = make_token("auditor")
    one, other = guests.with_token(token), guests.with_token(token)
    old = dict(one.cookies)
    assert one.post("/logout").status_code == 303
    assert one.cookies == {}
    one.cookies = old
    assert one.get("/requests").status_code == 303
    assert other.get("/requests").status_code == 200
    with transaction() as session:
        session.execute(update(ConsoleSession).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert other.get("/requests").status_code == 303
    for cookie in ("", "x", "A" * 43, "é" * 43, "A" * 10_000):
        other.cookies = {"dnso_session": cookie.encode("ascii", "replace").decode()}
        assert other.get("/requests").status_code == 303


def test_of_too_many_sessions_of_one_token_the_oldest_ends(
    guests: Guests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST", 2)
    token = make_token("auditor")
    first, second, third = (guests.with_token(token) for _ in range(3))
    assert [each.get("/requests").status_code for each in (first, second, third)] == [303, 200, 200]


def test_wrong_tokens_are_answered_alike_counted_and_audited(
    guests: Guests, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = make_token("auditor")
    guests.expire()
    visitor = guests.nobody()
    tries = [
        visitor.log_in(each)
        for each in ("", "nonsense", good[:-1] + "~", "dnso_" + "0" * 12 + "_" + "x" * 43)
    ]
    assert {each.status_code for each in tries} == {401}
    assert len({each.text for each in tries}) == 1
    assert 'aria-invalid="true"' in tries[0].text
    monkeypatch.setattr(failures, "TRIES", 1)
    slowed = visitor.log_in("nonsense")
    assert (slowed.status_code, int(slowed.headers["retry-after"]) > 0) == (429, True)
    assert visitor.log_in(good).status_code == 303  # who shows a good one is never kept waiting
    monkeypatch.undo()
    refusals: Refusals = guests.client.app.state.refusals  # type: ignore[attr-defined]
    refusals.write_due(everything=True)
    auditor = bearer(make_token("auditor"))
    guests.expire()
    acts = guests.client.get("/api/v1/access/audit", headers=auditor, params={"limit": 100}).json()["items"]
    wrong = [each for each in acts if each["subject"] == "credentials_invalid"]
    assert (wrong[0]["principal"], wrong[0]["address"]) == ("nobody known", "testclient")
    assert any(each["act"] == "logged_in" for each in acts)


def test_anybody_may_ask_how_to_log_in(guests: Guests) -> None:
    assert guests.client.get("/api/v1/access/login").json() == {"auth": "required", "oidc": None}
    assert guests.nobody().get("/login/oidc").status_code == 404
