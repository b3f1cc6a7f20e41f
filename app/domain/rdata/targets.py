"""Names as targets: of a host (NS), or of anything (CNAME, DNAME, PTR)."""

from app.domain.errors import InvalidName, InvalidRdata
from app.domain.names import domain_name, host_name
from app.domain.rdata.reading import NO_SUCH, NOTHING_GIVEN, Given

_TARGET_CODES = {
    "name_is_ip": "target_is_ip",
    "name_is_url": "target_is_url",
    "name_not_fqdn": "target_not_fqdn",
}


def read_host(target: str, _: Given = NOTHING_GIVEN) -> str:
    """Return the name of a host (RFC 1123 2.1)."""
    if target == NO_SUCH:
        raise InvalidRdata("target_invalid", "the root is no host: write its name, as in host.example.test")
    try:
        return host_name(target)
    except InvalidName as error:
        raise _as_target(error) from error


def read_any_name(target: str, _: Given = NOTHING_GIVEN) -> str:
    """Return any domain name (RFC 2181 11): of a host, a service (RFC 6763 4.1), a wildcard, or the root."""
    if target == NO_SUCH:
        return target
    try:
        return domain_name(target)
    except InvalidName as error:
        raise _as_target(error) from error


def _as_target(error: InvalidName) -> InvalidRdata:
    return InvalidRdata(_TARGET_CODES.get(error.code, "target_invalid"), error.message)
