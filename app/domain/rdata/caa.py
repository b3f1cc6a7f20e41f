"""CAA: which certification authorities may issue for a name (RFC 8659)."""

import re

import dns.rdata

from app.domain.errors import InvalidRdata, quoted
from app.domain.rdata.reading import NOTHING_GIVEN, Given

_CAA = re.compile(
    r"""([0-9]{1,3})[ \t]+("?)([A-Za-z0-9]{1,255})\2[ \t]+(?:"((?:[^"\\]|\\["\\])*)"|([^\s"\\;()]+))"""
)
_CAA_ISSUER = re.compile(  # RFC 8659 4.2
    r"""\s*(?:[a-z0-9](?:-*[a-z0-9])*(?:\.[a-z0-9](?:-*[a-z0-9])*)*\s*)?
        (?:;\s*(?:[a-z0-9](?:-*[a-z0-9])*\s*=\s*(?:[!-:<-~]+\s*)?(?:;\s*|$))*)?""",
    re.IGNORECASE | re.VERBOSE,
)
_CAA_REPORT = re.compile(r"(?:mailto:|https?://)[!-~]+", re.IGNORECASE)  # RFC 8659 4.4


def read_caa(target: str, _: Given = NOTHING_GIVEN) -> str:
    """RFC 8659 4.1.1: flags, tag, value."""
    match = _CAA.fullmatch(target)
    value = "" if match is None else match[5] if match[4] is None else match[4]
    if match is None or not value.isascii() or not value.isprintable() or int(match[1]) > 0xFF:
        raise InvalidRdata("caa_invalid", f'{quoted(target)} is not of the form 0 issue "ca.example"')
    flags, tag = int(match[1]), match[3].lower()
    _check_caa_value(tag, re.sub(r"\\(.)", r"\1", value))
    return dns.rdata.from_text("IN", "CAA", f'{flags} {tag} "{value}"').to_text()


def _check_caa_value(tag: str, value: str) -> None:
    if tag in ("issue", "issuewild", "issuemail") and not _CAA_ISSUER.fullmatch(value):
        raise InvalidRdata(
            "caa_invalid", f"{quoted(value)} does not name a certification authority, such as ca.example"
        )
    if tag == "iodef" and not _CAA_REPORT.fullmatch(value):
        raise InvalidRdata(
            "caa_invalid",
            f"{quoted(value)} is not a mailto:, http: or https: URL, such as mailto:security@example.test",
        )
