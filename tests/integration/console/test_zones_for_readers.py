"""What requesters and operators see of zones."""

from tests.support.access import add_grant
from tests.support.console import Guests


def test_requesters_see_no_figures_and_no_backends(guests: Guests) -> None:
    add_grant(zone=guests.zone)
    guests.expire()
    there = f"/zones/{guests.zone}"
    for path in ("/zones", there, f"{there}/settings"):
        page = guests.by("requester").get(path)
        assert page.status_code == 200
        assert "Backend" not in page.text
        assert "Backend" in guests.by("operator").get(path).text
    for path in ("/drift", "/history", "/import", "/export", "/access", "/rollback"):
        assert guests.by("requester").get(there + path).status_code == 403
        assert there + path not in guests.by("requester").get(there).text


def test_requesters_do_not_learn_what_others_own(guests: Guests) -> None:
    there = f"/zones/{guests.zone}"
    assert guests.by("requester").get(there, owner="team-b").status_code == 403
    assert guests.by("requester").get(there, owner="team-a").status_code == 200
    assert guests.by("operator").get(there, owner="team-b").status_code == 200


def test_operators_do_not_say_who_may_change_what(guests: Guests) -> None:
    there = f"/zones/{guests.zone}/settings"
    assert 'name="approvers"' not in guests.by("operator").get(there).text
    changed = guests.by("operator").post(there, backend="bind", default_ttl="77", approvers="team-a")
    assert changed.status_code == 303
    page = guests.by("admin").get(there).text
    assert ('value="77"' in page, "team-a" in page) == (True, False)
