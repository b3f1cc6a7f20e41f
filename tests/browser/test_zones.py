"""Zones: a change is taken back from the history of its RRset, and drift is adopted."""

from functools import partial

import pytest
from playwright.sync_api import Page, expect

from stack.embedded import Stack
from tests.support.browser import Reader
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.user import User
from tests.support.zones import ZoneUnderTest


def agree(page: Page) -> None:
    """Answer yes to what the page asks."""
    page.on("dialog", lambda dialog: dialog.accept())


@pytest.mark.thorough
def test_a_record_is_found_and_its_last_change_undone(reader: Reader, user: User) -> None:
    name = "taken-back.example.test"
    for target in ("192.0.2.1", "192.0.2.2"):
        user.submit_and_wait(body("example.test", "taken-back", target=target, action="upsert"))
    page = reader.open("/zones")
    assert reader.inaccessible() == ""
    page.get_by_role("link", name="example.test", exact=True).click()
    page.get_by_label("Name or value").fill("192.0.2.2")
    page.get_by_role("button", name="Search").click()
    assert reader.inaccessible() == ""
    page.get_by_role("row").filter(has_text=name).get_by_role("link", name="History").click()
    newest = page.get_by_role("listitem").filter(has_text="upsert").first
    expect(newest.locator(".minus")).to_contain_text("192.0.2.1")
    expect(newest.locator(".plus")).to_contain_text("192.0.2.2")
    assert reader.inaccessible(contrasts=True) == ""
    agree(page)
    newest.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    eventually(lambda: user.dig(name, "A") == {"192.0.2.1"})


def test_drift_is_looked_at_and_adopted(reader: Reader, user: User, stack: Stack) -> None:
    zone = ZoneUnderTest(stack, "seen-from-outside.test")
    stack.add_zone(zone.name)
    user.serve(zone.name)
    page = reader.open(f"/zones/{zone.name}/import")
    expect(page.get_by_text("never imported")).to_be_visible()
    page.get_by_role("button", name="Import from the primary").click()
    expect(page.get_by_text("done", exact=True)).to_be_visible()
    assert reader.inaccessible() == ""
    zone.do("create", "beside", "A", "192.0.2.9")
    zone.do("create", "stays", "A", "192.0.2.9")
    drift = f"/zones/{zone.name}/drift"
    user.api.post(f"{drift}/check", json={}).raise_for_status()
    eventually(partial(_has_drifted, user, zone.name, 2))
    reader.open(drift)
    assert reader.inaccessible(contrasts=True) == ""
    page.get_by_label(f"beside.{zone.name} A").check()
    page.get_by_role("button", name="Adopt what is ticked").click()
    expect(page.get_by_text("What was found is recorded.")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(2)
    reader.open(f"/zones/{zone.name}")
    expect(page.get_by_role("row").filter(has_text="beside")).to_contain_text("adopted")


def _has_drifted(user: User, zone: str, number: int) -> bool:
    found = user.api.get(f"/zones/{zone}/drift").raise_for_status().json()
    return bool(found["drifted"] == number)
