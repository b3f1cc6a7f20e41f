"""Reads the TSIG key from a key file in BIND's syntax, as `tsig-keygen` writes it."""

import re
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.name
import dns.tsig
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import KeyFileError

_TOKEN = re.compile(
    r"""
      (?P<space> \s+ | //[^\n]* | \#[^\n]* | /\*.*?\*/ )
    | "(?P<quoted> [^"]*)"
    | (?P<mark> [{};])
    | (?P<word> [^\s{};"]+)
    """,
    re.VERBOSE | re.DOTALL,
)
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


def read_key(path: Path) -> dns.tsig.Key:
    """Return the key of a file that holds one, as `key "name" { algorithm …; secret "…"; };`.

    Raises KeyFileError.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise KeyFileError(f"the TSIG key file {path} can't be read: {reason}") from None
    name, options = _parse(list(_tokens(text)), path)
    return _make_key(name, options, path)


def _tokens(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "space":
            yield match[match.lastgroup or 0]


def _parse(tokens: list[str], path: Path) -> tuple[str, dict[str, str]]:
    match tokens:
        case ["key", name, "{", *body, "}"] | ["key", name, "{", *body, "}", ";"] if "}" not in body:
            statements = " ".join(body).split(" ;")
            pairs = [statement.split() for statement in statements if statement.strip()]
            return name, {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    raise KeyFileError(
        f'the TSIG key file {path} must hold one key: key "name" {{ algorithm …; secret "…"; }};'
    )


def _make_key(name: str, options: dict[str, str], path: Path) -> dns.tsig.Key:
    algorithm = _ALGORITHMS.get(_TRUNCATION.sub("", options.get("algorithm", "").lower()))
    if algorithm is None:
        raise KeyFileError(f"the TSIG key file {path} names no algorithm that is supported")
    try:
        owner = dns.name.from_text(name).canonicalize()  # RFC 8945 section 4.3.3; PowerDNS compares octets
        key = dns.tsig.Key(owner, options.get("secret", ""), algorithm)
    except (dns.exception.DNSException, ValueError):
        key = None
    if key is None or not key.secret:
        raise KeyFileError(f"the TSIG key file {path} holds no usable name and secret") from None
    return key
