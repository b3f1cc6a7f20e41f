"""What servers check besides the standards, as BIND's `check-names` does: a zone says what becomes of it."""

from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum

from app.domain.change import Action
from app.domain.errors import Reason
from app.domain.names import is_host
from app.domain.places import DOMAIN, TARGET
from app.domain.rdata import RecordType


class Checks(StrEnum):
    """What becomes of a change that a server with such checks would refuse."""

    REFUSE = "refuse"  # it is refused at the door
    WARN = "warn"  # it is accepted with a warning
    OFF = "off"  # nothing is checked


_OF_HOSTS = frozenset({RecordType.A, RecordType.AAAA, RecordType.MX})
_OF_SERVICES = frozenset({RecordType.SVCB, RecordType.HTTPS})
_TO_HOSTS = _OF_SERVICES | {RecordType.PTR}
_DIRECTORY = "gc._msdcs."  # where Active Directory has addresses, and BIND lets it
_REVERSE = (".in-addr.arpa", ".ip6.arpa")


def check_names(
    action: Action, name: str, record_type: RecordType, rdata: Collection[str]
) -> Sequence[Reason]:
    """Return what BIND's `check-names` would refuse.

    That is addresses and MX at what is no host, and PTR and services to what is none.
    """
    host_like = "_" not in name and "/" not in name and "\\" not in name  # of hyphens the rules know
    if (host_like and record_type not in _TO_HOSTS) or action is Action.DELETE:
        return ()
    return tuple(_reasons(name, record_type, rdata, host_like=host_like))


def _reasons(
    name: str, record_type: RecordType, rdata: Collection[str], *, host_like: bool
) -> Iterator[Reason]:
    if record_type in _OF_HOSTS:
        directory = record_type is not RecordType.MX and name.startswith(_DIRECTORY)
        if not host_like and not directory:
            message = f"{name} is no host name: servers that check names refuse {record_type} records there"
            yield Reason(DOMAIN, "name_not_a_host", message)
    reverse = record_type is RecordType.PTR and name.endswith(_REVERSE)
    if reverse and not all(is_host(target.removeprefix("*.")) for target in rdata):
        message = "not the name of a host: servers that check names refuse it as the target of an address"
        yield Reason(TARGET, "target_not_a_host", message)
    if record_type in _OF_SERVICES and not all(map(_is_service_of_host, rdata)):
        message = "the target name of a service is that of a host: servers that check names refuse any other"
        yield Reason(TARGET, "target_not_a_host", message)


def _is_service_of_host(value: str) -> bool:
    """Whether a value of SVCB or HTTPS is an alias, the service of the owner name itself, or of a host."""
    priority, target, *_ = value.split(" ", 2)
    return priority == "0" or target == "." or is_host(target)
