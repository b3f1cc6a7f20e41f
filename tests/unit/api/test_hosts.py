"""The host names that the API answers to."""

import socket

import pytest

from app.api.hosts import AllowedHosts

ALWAYS = [
    "localhost",
    "localhost:8000",
    "app:8000",  # the owner's name for the container
    "127.0.0.1:8000",
    "192.0.2.1",
    "[::1]:8000",
    "[2001:db8::1]",
    "api.namespace.svc",
    "API.Corp.Internal",
    socket.gethostname(),
]
NEVER = ["rebind.example.net", "127.0.0.1.example.net:8000", "localhost.example.net", "example.net."]


def status(host: str, *allowed: str) -> int:
    refusal = AllowedHosts(allowed).refuse({"headers": [(b"host", host.encode())]})
    return refusal.status_code if refusal else 200


@pytest.mark.parametrize("host", ALWAYS)
def test_names_that_nobody_can_register(host: str) -> None:
    assert status(host) == 200


@pytest.mark.parametrize("host", NEVER)
def test_names_that_anybody_can_register(host: str) -> None:
    assert status(host) == 421


def test_names_that_are_allowed() -> None:
    assert status("dns.example.net", "dns.example.net") == 200
    assert status("DNS.example.net:443", ".example.net") == 200
    assert status("example.net", ".example.net") == 421
    assert status("other.example.org", ".example.net") == 421
    assert status("any.example.org", "*") == 200
