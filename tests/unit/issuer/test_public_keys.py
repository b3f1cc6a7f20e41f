"""Which keys of a set are of use."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from app.issuer.public_keys import MAX_KEYS, read_public_keys
from tests.support.issuer import SigningKey, rsa_key

EC = SigningKey()
RSA = SigningKey("r1", "RS256", rsa_key())
JWK = EC.jwk()


def test_keys_by_their_id_and_algorithm() -> None:
    others = [SigningKey("e5", "ES512", ec.generate_private_key(ec.SECP521R1()))]
    others += [SigningKey("ed", "EdDSA", ed25519.Ed25519PrivateKey.generate())]
    keys = read_public_keys({"keys": [JWK, RSA.jwk(), *(each.jwk() for each in others)]})
    assert len(keys) == 4
    for each in (EC, RSA, *others):
        assert keys.find(each.key_id, each.algorithm)
    assert keys.find("k1", "RS256") is None
    assert keys.find("r1", "PS256") is None  # it says that it signs otherwise
    assert keys.find("nothing", "ES256") is None


def test_a_key_without_an_algorithm_signs_by_any_of_its_type() -> None:
    keys = read_public_keys({"keys": [RSA.jwk(alg=None)]})
    for algorithm in ("RS256", "RS512", "PS384"):
        found = keys.find("r1", algorithm)
        assert found
        assert found.algorithm_name == algorithm
    assert keys.find("r1", "ES256") is None


def test_a_token_without_a_key_id_has_the_only_key_that_fits() -> None:
    assert read_public_keys({"keys": [JWK, RSA.jwk()]}).find(None, "ES256")
    assert read_public_keys({"keys": [JWK, SigningKey("k2").jwk()]}).find(None, "ES256") is None


@pytest.mark.parametrize(
    "jwk",
    [
        JWK | {"use": "enc"},
        JWK | {"key_ops": ["sign"]},
        JWK | {"key_ops": 7},
        JWK | {"kid": 7},
        JWK | {"alg": "ES384"},
        JWK | {"crv": "P-384"},
        JWK | {"x": "AAAA"},
        JWK | {"x": None},
        {"kty": "EC", "crv": "P-256", "kid": "k1"},
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": "k1", "alg": "HS256"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "k1"},
        SigningKey("short", "RS256", rsa_key(1024)).jwk(),
        {},
        [],
        None,
        "x",
    ],
)
def test_what_is_no_key_for_signatures_leaves_the_others(jwk: Any) -> None:
    keys = read_public_keys({"keys": [jwk, RSA.jwk()]})
    assert len(keys) == 1
    with pytest.raises(ValueError, match="no key"):
        read_public_keys({"keys": [jwk]})


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, {"keys": []}, "x"])
def test_what_is_no_set_of_keys(document: Any) -> None:
    with pytest.raises(ValueError, match=r"no set|no key"):
        read_public_keys(document)


def test_no_more_keys_are_looked_at_than_may_be() -> None:
    keys = read_public_keys({"keys": [JWK | {"kid": str(number)} for number in range(MAX_KEYS + 1)]})
    assert len(keys) == MAX_KEYS


def test_equal_is_what_was_published_alike() -> None:
    one, same, other = (read_public_keys({"keys": [each]}) for each in (JWK, dict(JWK), RSA.jwk()))
    assert one == same != other
