"""The pages from which calls that change something are taken."""

from collections.abc import Mapping

import pytest

from app.api.origins import OwnPages

CONSOLE = "https://console.example.net"
OTHER = "https://other.example.net"
pages = OwnPages([CONSOLE])


def status(method: str, headers: Mapping[str, str]) -> int:
    sent = {"Host": "127.0.0.1:8000", **headers}
    raw = [(name.lower().encode(), value.encode()) for name, value in sent.items()]
    refusal = pages.refuse({"method": method, "headers": raw})
    return refusal.status_code if refusal else 200


@pytest.mark.parametrize(
    "headers",
    [
        {},  # no browser
        {"Origin": "http://127.0.0.1:8000"},
        {"Origin": "HTTP://127.0.0.1:8000"},
        {"Origin": CONSOLE},
        {"Origin": CONSOLE, "Sec-Fetch-Site": "cross-site"},
        {
            "Sec-Fetch-Site": "same-origin",
            "Origin": "https://dns.example.net",
        },  # a proxy that changes the host
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_calls_that_are_taken(headers: Mapping[str, str]) -> None:
    assert {status(method, headers) for method in ("GET", "POST", "PATCH", "PUT", "DELETE")} == {200}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": OTHER},
        {"Origin": "null"},  # a frame in a sandbox, a file
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:8001"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": f"{CONSOLE}.example.org"},
        {"Origin": OTHER, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_calls_of_others_pages(headers: Mapping[str, str]) -> None:
    assert {status(method, headers) for method in ("POST", "PATCH", "PUT", "DELETE")} == {403}
    assert {status(method, headers) for method in ("GET", "HEAD", "OPTIONS")} == {200}
