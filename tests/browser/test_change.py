"""New change: rows are pasted or imported, put right, planned, submitted, verified."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Reader
from tests.support.user import User

ZONE = "example.test"
PASTE = "Control+V"


def copied(page: Page, text: str) -> None:
    """Have the text in the clipboard, as a spreadsheet puts it there."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("text => navigator.clipboard.writeText(text)", text)


def overflow(page: Page) -> int:
    """How many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_rows_of_a_spreadsheet_are_put_right_planned_and_verified(reader: Reader, user: User) -> None:
    page = reader.open("/change")
    assert reader.inaccessible(contrasts=True) == ""
    names = [f"pasted-{number}.{ZONE}" for number in range(1, 21)]
    values = [f"192.0.2.{number}" if number != 7 else "192.0.2.777" for number in range(1, 21)]
    rows = [f"{name}\tA\t60\t{value}" for name, value in zip(names, values, strict=True)]
    copied(page, "\r\n".join(["Name\tType\tTTL\tValue", *rows]) + "\r\n")
    expect(
        page.get_by_role("button", name="More rows")
    ).to_be_hidden()  # which is for browsers without scripts
    page.get_by_label("Name, row 1", exact=True).focus()
    page.keyboard.press(PASTE)
    expect(page.get_by_role("row")).to_have_count(21)
    expect(page.get_by_label("Value, row 20")).to_have_value("192.0.2.20")
    wrong = page.get_by_label("Value, row 7")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_accessible_description(re.compile("not an IPv4 address"))
    expect(page.locator("[aria-invalid]")).to_have_count(1)
    assert reader.inaccessible() == ""
    wrong.fill("192.0.2.7")
    expect(page.locator("[aria-invalid]")).to_have_count(0)
    page.get_by_label("Account").fill("team-grid")
    page.get_by_label("Reason").fill("a move")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_role("heading", name="Plan of 20 changes")).to_be_visible()
    expect(page.locator(".plus")).to_have_count(20)
    assert reader.inaccessible() == ""
    page.get_by_role("button", name="Submit exactly this").click()
    expect(page.get_by_text("Submitted.")).to_be_visible()
    expect(page.locator("td").get_by_text("succeeded", exact=True)).to_have_count(20)  # without a reload
    assert reader.inaccessible() == ""
    assert [user.dig(name, "A") for name in names] == [{f"192.0.2.{number}"} for number in range(1, 21)]
    [found] = user.api.get("/dns/requests", params={"domain": names[6]}).json()["items"]
    assert found["context"]["via"] == "console"
    assert found["context"]["reason"] == "a move"


@pytest.mark.thorough
def test_files_are_imported_beside_what_is_in_the_grid(reader: Reader) -> None:
    page = reader.open("/change")
    page.get_by_label("Name, row 1", exact=True).fill(f"typed.{ZONE}")
    csv = f"action;name;type;value\nupsert;of-csv.{ZONE};MX;no host\nDELETE;gone.{ZONE};A;\n"
    page.get_by_label("File: CSV").set_input_files(
        {"name": "changes.csv", "mimeType": "text/csv", "buffer": csv.encode()}
    )
    page.get_by_role("button", name="Add to the grid").click()
    expect(page.get_by_label("Name, row 3")).to_have_value(f"gone.{ZONE}")
    expect(page.get_by_label("Name, row 1", exact=True)).to_have_value(f"typed.{ZONE}")
    expect(page.get_by_label("Action, row 3")).to_have_value("delete")
    expect(page.get_by_label("Value, row 2")).to_have_attribute("aria-invalid", "true")  # by itself
    page.get_by_label("or its text").fill("$TTL 60\nhost A 192.0.2.1\nhost A 192.0.2.2\n")
    page.get_by_label("Zone of a master file").fill(ZONE)
    page.get_by_role("button", name="Add to the grid").click()
    expect(page.get_by_label("Name, row 4")).to_have_value(f"host.{ZONE}")
    expect(page.get_by_label("Value, row 4")).to_have_value("192.0.2.1\n192.0.2.2")
    expect(page.get_by_label("Zone", exact=True)).to_have_value("")
    page.get_by_role("button", name="Remove row 2").click()
    expect(page.get_by_label("Name, row 2")).to_be_focused()
    expect(page.get_by_label("Name, row 2")).to_have_value(f"gone.{ZONE}")


def test_all_is_done_with_the_keyboard(reader: Reader, user: User) -> None:
    page = reader.open("/change")
    keys = page.keyboard
    page.get_by_label("Action, row 1", exact=True).focus()

    def cells(*texts: str) -> None:
        for text in texts:
            keys.press("Tab")
            keys.type(text)

    cells(f"by-keys.{ZONE}", "A", "60", "192.0.2.90")
    keys.press("Control+Enter")
    expect(page.get_by_label("Value, row 2")).to_be_focused()
    keys.type("nonsense")
    keys.press("Shift+Tab")
    keys.press("Enter")
    keys.press("Enter")  # below the last row there is a new one
    expect(page.get_by_label("TTL, row 4")).to_be_focused()
    expect(page.get_by_label("Name, row 2")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Remove row 2").focus()
    keys.press("Enter")
    expect(page.get_by_label("Name, row 2")).to_be_focused()
    page.get_by_label("Account").focus()
    keys.type("team-keys")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Plan of 1 change")).to_be_visible()
    page.get_by_role("button", name="Submit exactly this").focus()
    keys.press("Enter")
    expect(page.locator("td").get_by_text("succeeded", exact=True)).to_be_visible()
    assert user.dig(f"by-keys.{ZONE}", "A") == {"192.0.2.90"}


@pytest.mark.thorough
def test_a_plan_that_is_stale_is_planned_again(reader: Reader, user: User) -> None:
    name = f"moved.{ZONE}"
    page = reader.open("/change")
    page.get_by_label("Name, row 1", exact=True).fill(name)
    page.get_by_label("Type, row 1", exact=True).fill("A")
    page.get_by_label("Value, row 1", exact=True).fill("192.0.2.30")
    page.get_by_label("Account").fill("team-grid")
    page.get_by_role("button", name="Show the plan").click()
    submit = page.get_by_role("button", name="Submit exactly this")
    expect(submit).to_be_visible()
    resource = {"domain": name, "record_type": "A", "target": "192.0.2.99"}
    change = {"context": {"account_id": "team-grid"}, "resource": resource}
    asked = user.api.post("/dns/upsert", json=change).raise_for_status().json()
    user.wait_until_settled([asked["id"]])
    submit.click()
    expect(page.get_by_role("heading", name="The plan is stale")).to_be_visible()
    expect(page.locator(".plus")).to_contain_text("192.0.2.99")
    assert reader.inaccessible(contrasts=True) == ""
    reader.complaints.clear()  # the browser's word about the answer 409
    page.get_by_role("button", name="Plan again").click()
    expect(page.locator(".minus")).to_contain_text("192.0.2.99")
    page.get_by_role("button", name="Submit exactly this").click()
    expect(page.locator("td").get_by_text("succeeded", exact=True)).to_be_visible()
    assert user.dig(name, "A") == {"192.0.2.30"}


@pytest.mark.thorough
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_on_a_phone(reader_at: Callable[..., Reader], api_url: str, *, dark: bool) -> None:
    reader = reader_at(api_url, phone=True, dark=dark)
    page = reader.open("/change")
    expect(page.get_by_role("region", name="Changes")).to_be_visible()
    assert page.evaluate(
        "(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)(document.querySelector('.scroll'))"
    )
    assert overflow(page) == 0
    page.get_by_label("Name, row 1", exact=True).fill(f"a_phone.{ZONE}")
    page.get_by_label("Type, row 1", exact=True).fill("A")
    wrong = page.get_by_label("Value, row 1", exact=True)
    wrong.fill("192.0.2.777")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    assert reader.inaccessible(contrasts=True) == ""
    wrong.fill("192.0.2.77")
    page.get_by_label("Account").fill("team-grid")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_text("Warning:")).to_be_visible()
    assert overflow(page) == 0
    assert reader.inaccessible() == ""
