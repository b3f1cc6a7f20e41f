"""Reads the TSIG key that signs questions from a key file in BIND's syntax, as `tsig-keygen` writes it.

The collection reads the same files (`plugin_utils/rfc2136/key_file.py`); the two share no code, as Ansible's
processes can't import the app.
"""

import re
from pathlib import Path
from typing import ClassVar

import dns.exception
import dns.name
import dns.tsig

_QUOTED_OR_COMMENT = re.compile(r'("[^"]*")|/\*.*?\*/|//[^\n]*|#[^\n]*', re.DOTALL)
_KEY = re.compile(r'\s*key\s+"?(?P<name>[^\s"{;]+)"?\s*\{(?P<body>[^{}]*)\}\s*;?\s*')
_STATEMENT = re.compile(r'\s*(?P<name>\w+)\s+"?(?P<value>[^\s";]+)"?\s*;')
_ALGORITHMS = {
    "hmac-md5": dns.tsig.HMAC_MD5,
    "hmac-md5.sig-alg.reg.int": dns.tsig.HMAC_MD5,
    "hmac-sha1": dns.tsig.HMAC_SHA1,
    "hmac-sha224": dns.tsig.HMAC_SHA224,
    "hmac-sha256": dns.tsig.HMAC_SHA256,
    "hmac-sha384": dns.tsig.HMAC_SHA384,
    "hmac-sha512": dns.tsig.HMAC_SHA512,
}
# "hmac-sha256-128" lets BIND take signatures cut to 128 bits, and whole ones as well: they are sent whole.
_TRUNCATION = re.compile(r"(?<=\d)-\d+$")


class KeyUnusable(Exception):
    """The key file can't be used. The text never quotes what the file holds."""

    code: ClassVar[str] = "key_unusable"


def read_key(path: Path) -> dns.tsig.Key:
    """Return the key of a file that holds one, as `key "name" { algorithm …; secret "…"; };`.

    Raises KeyUnusable.
    """
    try:
        text = path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text, or not found"
        raise KeyUnusable(f"the key file {path} can't be read: {reason}") from None
    key = _parse(text)
    if key is None:
        raise KeyUnusable(
            f'the key file {path} must hold one key: key "name" {{ algorithm …; secret "…"; }};'
        )
    return key


def _parse(text: str) -> dns.tsig.Key | None:
    # a secret may have slashes
    found = _KEY.fullmatch(_QUOTED_OR_COMMENT.sub(lambda match: match[1] or " ", text))
    if found is None:
        return None
    options = {each["name"].lower(): each["value"] for each in _STATEMENT.finditer(found["body"])}
    algorithm = _ALGORITHMS.get(_TRUNCATION.sub("", options.get("algorithm", "").lower()))
    try:
        name = dns.name.from_text(found["name"]).canonicalize()
        key = dns.tsig.Key(name, options.get("secret", ""), algorithm) if algorithm else None
    except (dns.exception.DNSException, ValueError):
        return None
    return key if key is not None and key.secret else None
