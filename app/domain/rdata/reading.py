"""What a type's reader gets beside the target, and what readers share."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

NO_SUCH = "."  # the root where a host is meant: "there is no such service", RFC 7505 3, RFC 2782
MAX_RDATA = 64_000  # octets of an RRset's values: with names and a signature they must fit into one message
RECORD_HEAD = 12  # octets before the RDATA, the owner name compressed, RFC 1035 4.1.3

_NO_EXTRA: Mapping[str, object] = MappingProxyType({})


class Given(NamedTuple):
    """The fields of a request that a target may leave to them. With `pattern` what is left out is any."""

    priority: int | None = None
    extra: Mapping[str, object] = _NO_EXTRA
    pattern: bool = False


NOTHING_GIVEN = Given()

Reader = Callable[[str, Given], str]
"""Returns a target in canonical presentation format. Raises InvalidRdata."""
