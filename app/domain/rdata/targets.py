"""Names as targets: of a host (NS), or of anything (CNAME, PTR)."""

from app.domain.errors import InvalidName, InvalidRdata
from app.domain.names import host_name
from app.domain.rdata.reading import NOTHING_GIVEN, Given

_TARGET_CODES = {
    "name_is_ip": "target_is_ip",
    "name_is_url": "target_is_url",
    "name_not_fqdn": "target_not_fqdn",
}


def read_host(target: str, _: Given = NOTHING_GIVEN) -> str:
    """Return the name of a host (RFC 1123 2.1)."""
    return _named(target, underscore=False)


def read_any_name(target: str, _: Given = NOTHING_GIVEN) -> str:
    """A CNAME or PTR may point to what is no host: to a service, say (RFC 6763 4.1)."""
    return _named(target, underscore=True)


def _named(target: str, *, underscore: bool) -> str:
    try:
        return host_name(target, underscore=underscore)
    except InvalidName as error:
        raise InvalidRdata(_TARGET_CODES.get(error.code, "target_invalid"), error.message) from error
