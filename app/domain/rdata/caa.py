"""CAA: which certification authorities may issue for a name (RFC 8659)."""

import re
from typing import Any

import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.CAA import CAA

from app.domain.errors import InvalidRdata, quoted
from app.domain.rdata.fields import Fields
from app.domain.rdata.reading import NOTHING_GIVEN, Given

_FORM = '0 issue "ca.example"'
_TAG = re.compile(r"[A-Za-z0-9]{1,255}")
_make: Any = CAA  # the constructor has no types
_PRINTABLE = re.compile(rb"[ -~]*")
_CAA_ISSUER = re.compile(  # RFC 8659 4.2
    r"""\s*(?:[a-z0-9](?:-*[a-z0-9])*(?:\.[a-z0-9](?:-*[a-z0-9])*)*\s*)?
        (?:;\s*(?:[a-z0-9](?:-*[a-z0-9])*\s*=\s*(?:[!-:<-~]+\s*)?(?:;\s*|$))*)?""",
    re.IGNORECASE | re.VERBOSE,
)
_CAA_REPORT = re.compile(r"(?:mailto:|https?://)[!-~]+", re.IGNORECASE)  # RFC 8659 4.4


def read_caa(target: str, _: Given = NOTHING_GIVEN) -> str:
    """RFC 8659 4.1.1: flags, tag, value."""
    try:
        fields = Fields(target, _FORM)
        flags, tag = fields.number("flags", 0xFF), fields.word("tag").lower()
        value = fields.string("value", len(target))
        fields.end()
    except InvalidRdata as error:
        raise InvalidRdata("caa_invalid", error.message) from error
    if not _TAG.fullmatch(tag):
        fields.refuse("caa_invalid", f"the tag has letters and digits, which {quoted(tag)} is not")
    if not _PRINTABLE.fullmatch(value):
        fields.refuse("caa_invalid", "the value has printable ASCII characters only")
    _check_caa_value(tag, value.decode())
    return str(_make(dns.rdataclass.IN, dns.rdatatype.CAA, flags, tag.encode(), value).to_text())


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
