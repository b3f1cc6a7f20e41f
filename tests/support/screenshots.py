"""Takes the pictures of the console that the documentation shows: `python -m tests.support.screenshots`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import expect

from stack.command import run
from stack.embedded import Stack
from stack.paths import ROOT
from tests.support.browser import CHROMIUM, Reader, running_browser
from tests.support.builders import body, time_after
from tests.support.user import User

IMAGES = ROOT / "docs" / "images"
ZONE = "example.test"
HOSTS = ("www", "mail", "git", "wiki", "ldap", "build-1", "build-2", "db-1", "db-2", "cache")


def main() -> int:
    """Take them on a stack of its own, which has something to show."""
    if not CHROMIUM.exists():
        sys.exit(f"pictures are taken with {CHROMIUM} (apt-get install chromium)")
    IMAGES.mkdir(exist_ok=True)
    with (
        TemporaryDirectory(prefix="screenshots-") as folder,
        Stack(Path(folder), app=True, durable=False) as stack,
        running_browser() as browser,
    ):
        user = User(stack.env)
        replaced = _fill(user)
        reader = Reader(browser, stack.env["API_URL"].partition("/api/")[0])
        page = reader.open("/")
        expect(page.get_by_role("heading", name="Backends")).to_be_visible()
        page.screenshot(path=IMAGES / "console-home.png")
        reader.open(f"/requests/{replaced}")
        expect(page.get_by_text("answered by every server")).to_be_visible()
        page.screenshot(path=IMAGES / "console-request.png")
        reader.close()
        user.api.close()
    return 0


def _fill(user: User) -> str:
    """Ask for some changes; return the id of one that has replaced a value."""
    made = [body(ZONE, host, target=f"192.0.2.{number}") for number, host in enumerate(HOSTS, 10)]
    user.wait_until_settled(user.submit(*made))
    failing = body(ZONE, "nowhere", target="192.0.2.99", action="update")
    [replaced, _] = user.submit(body(ZONE, "www", target="192.0.2.80", action="update"), failing)
    user.wait_until_settled([replaced])
    later = (body(ZONE, host, target="192.0.2.9", not_before=time_after(3600)) for host in ("vpn", "ntp"))
    user.submit(*later)
    return replaced


if __name__ == "__main__":
    run(main)
