"""Whose call it is that a proxy has handed on: what a client writes itself is never believed."""

import pytest
from pydantic import ValidationError
from starlette.types import Scope

from app.api.proxies import TrustedProxies
from app.core.config import Settings
from tests.support.settings import SetSettings

OURS = "192.0.2.1,10.0.0.0/8,2001:db8::/64"
FORWARDED = [
    ("203.0.113.7", "203.0.113.7"),
    ("1.2.3.4, 203.0.113.7", "203.0.113.7"),  # the client had written the first
    ("1.2.3.4, 203.0.113.7, 10.9.9.9 ,2001:db8::5", "203.0.113.7"),  # two proxies more
    ("10.1.1.1, 10.2.2.2", "10.1.1.1"),  # a client in the proxies' own network
    ("203.0.113.7:5678", "203.0.113.7"),
    ("[2001:db8:1::7]:443", "2001:db8:1::7"),
    ("::ffff:203.0.113.7", "203.0.113.7"),
    ("unknown", "192.0.2.1"),
    ("203.0.113.7, unknown, 10.9.9.9", "10.9.9.9"),
    ("203.0.113.7, ", "192.0.2.1"),
    ("", "192.0.2.1"),
]


def seen(peer: str, *headers: tuple[str, str], trusted: str = OURS) -> str:
    """The scheme and the address that the application sees."""
    trust = Settings.model_validate({"trusted_proxies": trusted}).trusted_proxies
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope: Scope = {"scheme": "http", "client": (peer, 1234), "headers": raw}
    TrustedProxies(trust).believe(scope)
    return f"{scope['scheme']} {scope['client'][0]}"


@pytest.mark.parametrize(("written", "client"), FORWARDED)
def test_the_last_address_that_is_no_proxy_of_ours(written: str, client: str) -> None:
    assert seen("192.0.2.1", ("X-Forwarded-For", written)) == f"http {client}"


def test_several_headers_are_one_list() -> None:
    lines = [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-For", "203.0.113.7, 10.0.0.1")]
    assert seen("::ffff:192.0.2.1", *lines) == "http 203.0.113.7"


@pytest.mark.parametrize(
    ("written", "scheme"), [("https", "https"), ("http, HTTPS", "https"), ("ftp", "http")]
)
def test_the_scheme_that_the_nearest_proxy_names(written: str, scheme: str) -> None:
    assert seen("192.0.2.1", ("X-Forwarded-Proto", written)) == f"{scheme} 192.0.2.1"


def test_nobody_else_is_believed() -> None:
    for peer in ("127.0.0.1", "192.0.2.2", "2001:db8:0:1::1"):
        headers = [("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https")]
        assert seen(peer, *headers) == f"http {peer}"


@pytest.mark.parametrize(("trusted", "client"), [("unix", "203.0.113.7"), ("127.0.0.1", "")])
def test_a_proxy_on_a_unix_socket(trusted: str, client: str) -> None:
    assert seen("", ("X-Forwarded-For", "203.0.113.7"), trusted=trusted).split(" ")[1] == client


def test_an_ipv4_network_that_is_written_as_ipv6() -> None:
    headers = ("X-Forwarded-For", "203.0.113.7, 10.2.2.2")
    assert seen("10.1.1.1", headers, trusted="::ffff:10.0.0.0/104") == "http 203.0.113.7"


@pytest.mark.parametrize(
    "value",
    ["*", "proxy.example.net", "10.0.0.1/8", "0.0.0.0/0", "::/0", "::ffff:0:0/96", "10.0.0.0/33"],
)
def test_what_names_no_proxy_is_refused(set_settings: SetSettings, value: str) -> None:
    set_settings(TRUSTED_PROXIES=f"192.0.2.1,{value}")
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings()


@pytest.mark.parametrize(
    "value",
    [
        "*",
        "null",
        "console.example.net",
        "https://a.test/",
        "https://A.test",
        "https://a.test:443",
        "https://*.a.test",
        "ftp://a.test",
        "https://u@a.test",
        "https://",
        "https://a.test:99999",
    ],
)
def test_what_is_no_origin_is_refused(set_settings: SetSettings, value: str) -> None:
    set_settings(CORS_ORIGINS=f"https://console.example.net,{value}")
    with pytest.raises(ValidationError, match="cors_origins"):
        Settings()
