"""The console as people use it: the whole system, and a browser."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext

from stack.embedded import Stack
from tests.support.browser import Reader, require_chromium, running_browser
from tests.support.user import User


@pytest.fixture(scope="package")
def browser() -> Iterator[BrowserContext]:
    """The browser of all these tests."""
    require_chromium()
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="package")
def stack(browser: BrowserContext, whole_system: Stack) -> Stack:
    """A stack with API and worker, where everybody may do everything."""
    return whole_system


@pytest.fixture(scope="package")
def user(stack: Stack) -> Iterator[User]:
    """Somebody who uses the API of the stack."""
    user = User(stack.env)
    yield user
    user.api.close()


@pytest.fixture
def reader_at(browser: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Callable[..., Reader]]:
    """Opens pages of an API; pictures of them as they are at last are kept. The browser may not complain."""
    readers: list[Reader] = []

    def open_at(url: str, **wishes: bool) -> Reader:
        readers.append(Reader(browser, url, **wishes))
        return readers[-1]

    yield open_at
    for number, each in enumerate(readers):
        each.keep_screenshot(re.sub(r"\W+", "-", f"{request.node.name} {number or ''}").strip("-"))
        each.close()
    assert [each.complaints for each in readers if each.complaints] == []


@pytest.fixture(scope="package")
def api_url(stack: Stack, browser: BrowserContext) -> str:
    """The address of the stack's API; a page stays open there, so that the next ones are in its process."""
    url = stack.env["API_URL"].partition("/api/")[0]
    browser.new_page().goto(f"{url}/healthz")
    return url


@pytest.fixture
def reader(api_url: str, reader_at: Callable[..., Reader]) -> Reader:
    """Somebody with a browser at the console of the stack."""
    return reader_at(api_url)
