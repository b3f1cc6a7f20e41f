"""Which tokens are access tokens of the issuer, for us and good now, and why others are not."""

import hmac
import time
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from app.core.config import settings
from app.issuer.public_keys import read_public_keys
from app.services.access.identify import WhyNot
from app.services.access.oidc.verify import Claims, Expected, SignedWith, is_jwt, signed_with, verify
from tests.support.issuer import AUDIENCE, ISSUER, SigningKey, claims, rsa_key, written

KEY = SigningKey()
RSA = SigningKey("r1", "RS256", rsa_key())
KEYS = read_public_keys({"keys": [KEY.jwk(), RSA.jwk(alg=None)]})
SKEW = 300  # so that no test is too slow for it
EXPECTED = Expected(ISSUER, ("other-api", AUDIENCE), settings().oidc_algorithms, SKEW)


from_now = partial(timedelta, 0)  # seconds


def at_the_time(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes with what is a time from now as the time that it is."""
    return {
        name: time.time() + value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in changes.items()
    }


def check(token: str) -> Claims | WhyNot:
    by = signed_with(token, EXPECTED)
    if not isinstance(by, SignedWith):
        return by
    key = KEYS.find(*by)
    return WhyNot.KEY if key is None else verify(token, key, EXPECTED)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": [AUDIENCE, "account"]},
        {"azp": "somebody"},
        {"exp": from_now(200 - SKEW)},
        {"nbf": from_now(SKEW - 10), "iat": from_now(SKEW - 10)},
        {"iat": None},
        {"typ": "Bearer", "nonce": "n"},
        {"exp": from_now(0.5)},
    ],
)
def test_good_tokens(changes: dict[str, Any]) -> None:
    found = check(KEY.sign(claims(**at_the_time(changes))))
    assert not isinstance(found, WhyNot)
    assert found["sub"] == "1234"


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", "jwt", None])
def test_what_access_tokens_are_called(kind: str | None) -> None:
    assert not isinstance(check(KEY.sign(claims(), typ=kind)), WhyNot)


def test_every_algorithm_of_a_key_that_names_none() -> None:
    for algorithm in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
        assert not isinstance(check(SigningKey("r1", algorithm, RSA.key).sign(claims())), WhyNot)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": ISSUER + "/"}, WhyNot.ISSUER),
        ({"iss": ISSUER.upper()}, WhyNot.ISSUER),
        ({"iss": [ISSUER]}, WhyNot.ISSUER),
        ({"iss": None}, WhyNot.ISSUER),
        ({"aud": "dns"}, WhyNot.AUDIENCE),
        ({"aud": [f"{AUDIENCE}2"]}, WhyNot.AUDIENCE),
        ({"aud": {AUDIENCE: 1}}, WhyNot.AUDIENCE),
        ({"aud": [AUDIENCE, 7]}, WhyNot.AUDIENCE),
        ({"aud": None}, WhyNot.AUDIENCE),
        ({"aud": []}, WhyNot.AUDIENCE),
        ({"exp": from_now(-SKEW - 10)}, WhyNot.EXPIRED),
        ({"exp": None}, WhyNot.CLAIMS),
        ({"exp": "soon"}, WhyNot.CLAIMS),
        ({"exp": []}, WhyNot.CLAIMS),
        ({"exp": float("inf")}, WhyNot.CLAIMS),
        ({"nbf": from_now(SKEW + 600)}, WhyNot.TOO_EARLY),
        ({"iat": from_now(SKEW + 600)}, WhyNot.TOO_EARLY),
        ({"nbf": float("nan")}, WhyNot.CLAIMS),
        ({"sub": None}, WhyNot.SUBJECT),
        ({"sub": 7}, WhyNot.SUBJECT),
        ({"typ": "ID"}, WhyNot.KIND),
        ({"typ": "Refresh"}, WhyNot.KIND),
        ({"nonce": "n"}, WhyNot.KIND),
        ({"at_hash": "h"}, WhyNot.KIND),
        ({"cnf": {"jkt": "thumb"}}, WhyNot.KIND),
    ],
)
def test_what_a_token_says_that_is_of_no_use(changes: dict[str, Any], why: WhyNot) -> None:
    assert check(KEY.sign(claims(**at_the_time(changes)))) is why


def test_signatures_that_prove_nothing() -> None:
    good = KEY.sign(claims())
    head, payload, signature = good.split(".")
    more = written({}, claims(groups=["team-b"])).split(".")[1]
    public = RSA.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    by_public_key = {"alg": "HS256", "kid": "r1"}
    tries = {
        f"{head}.{more}.{signature}": WhyNot.SIGNATURE,
        f"{head}.{payload}.{signature[:-8]}AAAAAAAA": WhyNot.SIGNATURE,
        f"{head}.{payload}.": WhyNot.SIGNATURE,
        SigningKey().sign(claims()): WhyNot.SIGNATURE,  # another key by the same name
        SigningKey("k2").sign(claims()): WhyNot.KEY,
        SigningKey("k1", "RS256", RSA.key).sign(claims()): WhyNot.KEY,
        SigningKey(None, "ES256", KEY.key).sign(claims(sub=7)): WhyNot.SUBJECT,  # the only one that fits
        written({"alg": "none", "kid": "k1"}, claims()): WhyNot.ALGORITHM,
        written({"alg": "None"}, claims()): WhyNot.ALGORITHM,
        written({"kid": "k1"}, claims()): WhyNot.ALGORITHM,
        written({"alg": ["ES256"], "kid": "k1"}, claims()): WhyNot.ALGORITHM,
        written(by_public_key, claims(), _hmac(by_public_key, public)): WhyNot.ALGORITHM,
    }
    assert {token: check(token) for token in tries} == tries


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "ES256", "kid": 7},
        {"alg": "ES256", "kid": ["k1"]},
        [],
        7,
        b"no json",
        b"[" * 10_000,
        b"\xff\xfe",
    ],
)
def test_headers_that_nobody_can_read(header: object) -> None:
    assert check(written(header, claims())) is WhyNot.MALFORMED


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"typ": "logout+jwt"}, WhyNot.KIND),
        ({"typ": "dpop+jwt"}, WhyNot.KIND),
        ({"typ": 7}, WhyNot.KIND),
        ({"crit": ["exp"], "exp": 1}, WhyNot.MALFORMED),
        ({"b64": False, "crit": ["b64"]}, WhyNot.MALFORMED),
    ],
)
def test_headers_that_ask_for_something_else(changes: dict[str, Any], why: WhyNot) -> None:
    header = {"alg": "ES256", "kid": "k1"} | changes
    assert check(written(header, claims(), b"x")) in (why, WhyNot.SIGNATURE, WhyNot.CLAIMS)


def test_payloads_that_are_signed_and_can_not_be_read() -> None:
    for payload in (b"no json", b"[" * 5_000, b"7", b"\xff"):
        assert check(KEY.sign(payload)) is WhyNot.CLAIMS


@given(st.text(max_size=60) | st.from_regex(r"[\w-]{1,20}\.[\w-]{1,20}\.[\w-]{0,20}", fullmatch=True))
def test_nothing_else_is_a_token(text: str) -> None:
    if is_jwt(text):
        assert isinstance(check(text), WhyNot)


def _hmac(header: object, secret: bytes) -> bytes:
    signed = written(header, claims()).rpartition(".")[0]
    return hmac.digest(secret, signed.encode(), "sha256")
