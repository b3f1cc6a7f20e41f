"""What an issuer publishes is read within bounds, and only from who he says he is."""

import asyncio
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.issuer import fetch
from app.issuer.fetch import MAX_ANSWER, Issuer, NotRead, fetch_public_keys
from app.issuer.public_keys import PublicKeys
from tests.support.certificate import issue
from tests.support.issuer import RunningIssuer, SigningKey


def read(issuer: RunningIssuer, **how: Any) -> PublicKeys:
    return asyncio.run(fetch_public_keys(Issuer(issuer.url, **how)))


@pytest.fixture(scope="module")
def running() -> Iterator[RunningIssuer]:
    issuer = RunningIssuer(SigningKey())
    issuer.start()
    yield issuer
    issuer.stop()


@pytest.fixture
def issuer(running: RunningIssuer, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningIssuer]:
    """An issuer that is well again after the test."""
    for name in ("described", "keys", "status", "padding"):
        monkeypatch.setattr(running, name, getattr(running, name))
    yield running
    running.answering.set()


def test_its_keys(issuer: RunningIssuer) -> None:
    issuer.asked.clear()
    assert read(issuer).find("k1", "ES256")
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize("difference", ["/", "/x", "?x"])
def test_who_says_that_he_is_another_one_is_not_believed(issuer: RunningIssuer, difference: str) -> None:
    issuer.described = issuer.described | {"issuer": issuer.url + difference}
    with pytest.raises(NotRead, match="character by character"):
        read(issuer)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"jwks_uri": None}, "jwks_uri"),
        ({"jwks_uri": "http://keys.example.org/"}, "no https"),
        ({"jwks_uri": "file:///etc/passwd"}, "no https"),
        ({"jwks_uri": "http://127.0.0.1:1/"}, "."),
        ({"jwks_uri": "http://127.0.0.1:99999/"}, "."),
        ({"jwks_uri": "http://[::1"}, "."),
    ],
)
def test_an_address_of_keys_that_can_not_be_used(
    issuer: RunningIssuer, changes: dict[str, object], words: str
) -> None:
    issuer.described = issuer.described | changes
    with pytest.raises(NotRead, match=words):
        read(issuer)


def test_answers_that_are_none(issuer: RunningIssuer) -> None:
    for status in (302, 404, 500):
        issuer.status = status
        with pytest.raises(NotRead, match=str(status)):
            read(issuer)
    issuer.status, issuer.keys = 200, []
    with pytest.raises(NotRead, match="no key"):
        read(issuer)
    issuer.padding = MAX_ANSWER
    with pytest.raises(NotRead, match="larger"):
        read(issuer)


def test_who_does_not_answer_in_time_is_away(issuer: RunningIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT", 0.2)
    issuer.answering.clear()
    began = time.monotonic()
    with pytest.raises(NotRead, match=r"0\.2 s|Timeout"):
        read(issuer)
    assert time.monotonic() - began < 4


def test_nobody_is_there() -> None:
    with pytest.raises(NotRead):
        read(RunningIssuer())


def test_by_http_only_on_this_machine_unless_it_is_allowed() -> None:
    with pytest.raises(NotRead, match="no https"):
        asyncio.run(fetch_public_keys(Issuer("http://login.invalid")))
    with pytest.raises(NotRead) as caught:
        asyncio.run(fetch_public_keys(Issuer("http://login.invalid", allow_http=True)))
    assert "no https" not in str(caught.value)


def test_by_https_with_a_ca_of_ones_own(tmp_path: Path) -> None:
    certificate, both = tmp_path / "ca.pem", tmp_path / "both.pem"
    issue(certificate, both)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    issuer = RunningIssuer(SigningKey(), tls=context)
    issuer.start()
    try:
        assert read(issuer, ca_file=certificate).find("k1", "ES256")
        with pytest.raises(NotRead, match="certificate"):
            read(issuer)
        with pytest.raises(NotRead):
            read(issuer, ca_file=tmp_path / "nothing.pem")
    finally:
        issuer.stop()
