"""Tokens as they are written, addresses, and whose a token is."""

from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from ipaddress import ip_network
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.permissions import Principal
from app.services.access import identify as module
from app.services.access.identify import KnownToken, WhyNot, identify, source_of
from app.services.access.tokens import digest_of, prefix_of

PREFIX = "0123456789ab"
TOKEN = f"dnso_{PREFIX}_{'x' * 43}"
WHO = Principal("token")


def known(token: str = TOKEN, **fields: object) -> dict[str, KnownToken]:
    plain = {"networks": (), "expires_at": None, "revoked": False}
    return {PREFIX: KnownToken(UUID(int=1), digest_of(token), WHO, **(plain | fields))}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        (TOKEN, PREFIX),
        ("", None),
        (TOKEN[:-1], None),
        (TOKEN + "x", None),
        (TOKEN + "\n", None),
        (TOKEN.upper(), None),
        (TOKEN.replace("dnso", "dnsx"), None),
        (f"dnso_{PREFIX}_{'é' * 43}", None),
    ],
)
def test_what_is_written_as_a_token(text: str, prefix: str | None) -> None:
    assert prefix_of(text) == prefix


@given(st.text(max_size=80) | st.from_regex(r"dnso_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", fullmatch=True))
def test_nobody_gets_in_with_another_text(text: str) -> None:
    found = identify(known(), text, None)
    assert isinstance(found, KnownToken) == (text == TOKEN)


def test_why_a_token_is_of_no_use() -> None:
    past, coming = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    network = (ip_network("10.0.0.0/8"),)
    assert identify(known(), TOKEN, None) == known()[PREFIX]
    assert identify(known(expires_at=coming), TOKEN, None) == known(expires_at=coming)[PREFIX]
    assert identify(known(networks=network), TOKEN, "10.0.0.1") == known(networks=network)[PREFIX]
    assert identify({}, TOKEN, None) is WhyNot.UNKNOWN
    assert identify(known(TOKEN[:-1] + "y"), TOKEN, None) is WhyNot.WRONG
    assert identify(known(), "x", None) is WhyNot.MALFORMED
    assert identify(known(revoked=True), TOKEN, None) is WhyNot.REVOKED
    assert identify(known(expires_at=past), TOKEN, None) is WhyNot.EXPIRED
    for address in ("192.0.2.1", None, "unix", "::1"):
        assert identify(known(networks=network), TOKEN, address) is WhyNot.ELSEWHERE


def test_an_ipv6_source_is_its_whole_network() -> None:
    assert source_of("2001:db8::1") == source_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert source_of("192.0.2.1") == source_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert source_of(None) == "unknown"


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [
        ({}, TOKEN),
        ({}, "x"),
        (known(TOKEN[:-1] + "y"), TOKEN),
        (known(revoked=True), TOKEN),
        (known(expires_at=datetime.now(UTC)), TOKEN),
        (known(), TOKEN),
    ],
)
def test_whether_there_is_such_a_token_nobody_can_measure(
    tokens: dict[str, KnownToken], shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is shown, one digest is made and compared with one other, in a time that tells nothing."""
    done: list[object] = []

    def compare(stored: bytes, made: bytes) -> bool:
        done.append((len(stored), made))
        return compare_digest(stored, made)

    def digest(secret: str) -> bytes:
        done.append(secret)
        return digest_of(secret)

    monkeypatch.setattr(module, "compare_digest", compare)
    monkeypatch.setattr(module, "digest_of", digest)
    identify(tokens, shown, None)
    assert done == [shown, (32, digest_of(shown))]
