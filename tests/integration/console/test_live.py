"""The stream that tells pages that something has changed; what it is good for is shown in tests/browser."""

import pytest

from app.console.pages import live
from tests.support.console import Guests


def test_only_so_many_pages_follow(guests: Guests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_FOLLOWERS", 0)
    refused = guests.by("requester").get("/live")
    assert (refused.status_code, "overloaded" in refused.text) == (503, True)


def test_nobody_follows_who_is_not_logged_in(guests: Guests) -> None:
    guests.client.cookies.clear()
    follows = {"Accept": "text/event-stream"}
    refused = guests.client.get("/console/live", headers=follows, follow_redirects=False)
    assert (refused.status_code, "location" in refused.headers) == (401, False)
