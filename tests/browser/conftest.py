"""The console as people use it: the whole system, and a browser."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from stack.embedded import Stack
from tests.support.browser import Reader, require_chromium, running_browser
from tests.support.user import User


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The browser of all these tests."""
    require_chromium()
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="package")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with API and worker, where everybody may do everything."""
    quick = {"WATCH_INTERVAL": "1"}
    with Stack(tmp_path_factory.mktemp("browser"), app=True, durable=False, settings=quick) as stack:
        yield stack


@pytest.fixture(scope="package")
def user(stack: Stack) -> Iterator[User]:
    """Somebody who uses the API of the stack."""
    user = User(stack.env)
    yield user
    user.api.close()


@pytest.fixture
def reader_at(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Reader]]:
    """Opens browsers at an API; pictures of their last pages are kept. No browser may complain."""
    readers: list[Reader] = []

    def open_at(url: str, **wishes: bool) -> Reader:
        readers.append(Reader(browser, url, **wishes))
        return readers[-1]

    yield open_at
    for number, each in enumerate(readers):
        each.keep_screenshot(re.sub(r"\W+", "-", f"{request.node.name} {number or ''}").strip("-"))
        each.close()
    assert [each.complaints for each in readers if each.complaints] == []


@pytest.fixture
def api_url(stack: Stack) -> str:
    """The address of the stack's API."""
    return stack.env["API_URL"].partition("/api/")[0]


@pytest.fixture
def reader(api_url: str, reader_at: Callable[..., Reader]) -> Reader:
    """Somebody with a browser at the console of the stack."""
    return reader_at(api_url)
