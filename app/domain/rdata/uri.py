"""URI (RFC 7553 4): priority, weight, and the URI of a service."""

import re

from app.domain.errors import InvalidRdata, quoted
from app.domain.rdata.numbered import Number, numbered
from app.domain.rdata.strings import octets_of

_FORM = '10 1 "https://www.example.test/path"'
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#$%&'()*+,./0-9:;=?@A-Z\[\]_a-z~-]+")  # RFC 3986 3.1, 2


def _read_uri(target: str) -> str:
    text = target[1:-1] if len(target) > 1 and target[0] == target[-1] == '"' else target
    if "\\" in text:
        text = octets_of(text, len(text)).decode("latin-1")
    if not _URI.fullmatch(text):
        message = (
            f"{quoted(text)} is not a URI (RFC 3986): other characters are written as %20; such as {_FORM}"
        )
        raise InvalidRdata("uri_invalid", message)
    return f'"{text}"'


read_uri = numbered((Number("priority", 10), Number("weight", 1)), _read_uri, _FORM)
