"""Requests: found, followed to their end without a reload, taken back, and cancelled together."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browser import Reader
from tests.support.builders import body, time_after
from tests.support.user import User

ZONE = "example.test"


@pytest.mark.thorough
def test_a_request_appears_by_itself_and_is_found_by_its_name(reader: Reader, user: User) -> None:
    page = reader.open("/requests?domain=seen-in-a-browser.example.test")
    expect(page.get_by_role("heading", name="Requests")).to_be_visible()
    expect(page.get_by_text("No request is like this")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_be_hidden()
    assert reader.inaccessible() == ""
    [found] = user.wait_until_settled(user.submit(body(ZONE, "seen-in-a-browser")))
    row = page.get_by_role("row").filter(has_text="seen-in-a-browser.example.test")
    expect(row).to_contain_text(found["status"])
    expect(page.get_by_role("button", name="Retry")).to_be_visible()  # for those that are selected
    page.get_by_label("Name", exact=True).fill("nowhere.example.test")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("No request is like this")).to_be_visible()
    page.get_by_role("link", name="Clear").click()
    expect(row).to_be_visible()
    assert reader.inaccessible() == ""


def test_a_request_is_followed_to_its_end_and_taken_back(reader: Reader, user: User) -> None:
    [waiting] = user.submit(body(ZONE, "followed", target="192.0.2.44", not_before=time_after(2)))
    page = reader.open(f"/requests/{waiting}")
    expect(page.get_by_text("scheduled", exact=True).first).to_be_visible()
    expect(page.get_by_text("answered by every server")).to_be_visible()  # by itself
    expect(page.locator(".plus")).to_contain_text("300 192.0.2.44")
    servers = page.get_by_role("region", name="What each server answers")
    expect(servers.get_by_text("as asked").first).to_be_visible()
    assert reader.inaccessible(contrasts=True) == ""
    page.get_by_label("Reason for the undo").fill("a mistake")
    page.once("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("This request takes the other one back.")).to_be_visible()
    expect(page.locator(".minus")).to_contain_text("300 192.0.2.44")
    expect(page.get_by_text("a mistake")).to_be_visible()


def test_a_selection_is_cancelled_together(reader: Reader, user: User) -> None:
    names = ("later-1", "later-2", "later-3")
    ids = user.submit(*(body(ZONE, name, not_before=time_after(3600)) for name in names))
    page = reader.open("/requests?open=true&value=192.0.2.1")
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    expect(cancel).to_be_disabled()
    for name in names[:2]:
        page.get_by_label(f"create {name}.{ZONE} A").check()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.once("dialog", lambda asked: asked.dismiss())
    cancel.click()
    assert user.request(ids[0])["status"] == "scheduled"
    page.once("dialog", lambda asked: asked.accept())
    cancel.click()
    expect(page.get_by_role("heading", name="2 of 2 cancelled")).to_be_visible()
    assert reader.inaccessible() == ""
    assert [user.request(each)["status"] for each in ids] == ["cancelled", "cancelled", "scheduled"]


def test_home_on_a_phone_in_the_dark(reader_at: Callable[..., Reader], api_url: str, user: User) -> None:
    user.wait_until_settled(user.submit(*(body(ZONE, f"phone-{number}") for number in range(3))))
    reader = reader_at(api_url, phone=True, dark=True)
    page = reader.open("/")
    expect(page.get_by_role("heading", name="Backends")).to_be_visible()
    expect(page.get_by_role("img", name="Requests accepted")).to_be_visible()
    assert reader.inaccessible(contrasts=True) == ""
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wider) == 0
    page.get_by_role("button", name="Dark or light").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert reader.inaccessible(contrasts=True) == ""
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    reader.open("/zones/example.test")
    expect(page.get_by_role("link", name="History").first).to_be_attached()
    assert page.evaluate(wider) == 0
