"""The list of requests."""

from playwright.sync_api import expect

from tests.support.browser import Reader
from tests.support.builders import body
from tests.support.user import User


def test_a_request_appears_by_itself_and_is_found_by_its_name(reader: Reader, user: User) -> None:
    page = reader.open("/requests")
    expect(page.get_by_role("heading", name="Requests")).to_be_visible()
    expect(page.get_by_text("No request is like this")).to_be_visible()
    assert reader.inaccessible() == ""
    [found] = user.wait_until_settled(user.submit(body("example.test", "seen-in-a-browser")))
    row = page.get_by_role("row").filter(has_text="seen-in-a-browser.example.test")
    expect(row).to_contain_text(found["status"])
    page.get_by_label("Name").fill("nowhere.example.test")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No request is like this")).to_be_visible()
    page.get_by_role("link", name="Clear").click()
    expect(row).to_be_visible()
    assert reader.inaccessible() == ""
