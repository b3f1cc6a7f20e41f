"""The console in a real browser: Debian's Chromium, which Playwright drives."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from stack.paths import STATE
from tests.support.thoroughly import THOROUGH

CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = STATE / "screenshots"
_WAIT = 15_000  # milliseconds until what is looked for must be there
_LARGE, _PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def require_chromium() -> None:
    """Skip what needs Chromium where there is none; on CI that is a failure."""
    if not CHROMIUM.exists():
        why = f"tests in a browser need {CHROMIUM} (apt-get install chromium)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)


@contextmanager
def running_browser() -> Iterator[BrowserContext]:
    """A browser for the block.

    All have its one context, a page each: a new context costs as much as most of what is done in it.
    """
    expect.set_options(timeout=_WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        try:
            context = browser.new_context()
            context.set_default_timeout(_WAIT)
            yield context
        finally:
            browser.close()


class Reader:
    """Somebody who has a browser open at the console.

    What the browser finds wrong with a page (a script that fails, or that the policy forbids, a file that is
    not there) is kept in `complaints`.
    """

    def __init__(
        self, browser: BrowserContext, api_url: str, *, phone: bool = False, dark: bool = False
    ) -> None:
        self.context = browser
        self._url = api_url
        self.page: Page = browser.new_page()
        self.page.set_viewport_size(_PHONE if phone else _LARGE)  # type: ignore[arg-type]
        self.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        self.complaints: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str = "/") -> Page:
        """Go to a page of the console."""
        self.page.goto(f"{self._url}/console{path}")
        return self.page

    def inaccessible(self, *, contrasts: bool = THOROUGH) -> str:
        """What axe finds against the page as it is now; nothing, for nothing.

        All pages have their colours from one style sheet; to look at them takes a tenth of these tests' time.
        """
        self.page.wait_for_load_state("domcontentloaded")  # a click returns when the next page begins to come
        rules = {"color-contrast": {"enabled": contrasts}}
        found = Axe().run(self.page, options={"resultTypes": ["violations"], "rules": rules})
        return str(found.generate_report()) if found.violations_count else ""

    def keep_screenshot(self, name: str) -> None:
        """Keep a picture of the page, as far as the window shows it, for people to look at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")  # all of a long page takes seconds to draw

    def close(self) -> None:
        """Close his page; the browser forgets all that it has kept for him."""
        self.page.evaluate("origin === 'null' || localStorage.clear()")  # no page was opened, or none came
        self.page.close()
        self.context.clear_cookies()
        self.context.clear_permissions()

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)
