"""Values that are written otherwise and mean the same: what a change names, as the RRset spells it.

The text of a TXT record is what its strings hold together (RFC 7208 section 3.3, RFC 6376 section 3.6.2.2),
and the tag of a CAA record may be in either case (RFC 8659 section 4.1).
"""

from collections.abc import Collection, Hashable
from dataclasses import replace

import dns.rdata
import dns.rdatatype
from dns.rdata import Rdata
from dns.rdtypes.ANY.CAA import CAA
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.ANY.URI import URI

from .change import Change

_SPELLED_FREELY = (dns.rdatatype.TXT, dns.rdatatype.CAA)


def spelled_as_there(change: Change, there: Collection[object]) -> Change:
    """Return the change with its values spelled as those of the RRset that mean the same.

    A deletion then names every value of the RRset that means the same as one of its own, or fits a pattern.
    """
    if not change.patterns and (change.type not in _SPELLED_FREELY or not there):
        return change
    known = sorted(value for value in there if isinstance(value, Rdata))
    if change.action == "delete":
        meant = {meaning(value) for value in change.values}
        found = tuple(value for value in known if meaning(value) in meant or _fits(value, change.patterns))
        return replace(change, values=found or change.values)
    spelling = {meaning(value): value for value in reversed(known)}
    values = (value if value in known else spelling.get(meaning(value), value) for value in change.values)
    return replace(change, values=tuple(dict.fromkeys(values)))


def meaning(value: Hashable) -> Hashable:
    """Return what is equal for values that mean the same."""
    if isinstance(value, TXT):
        return b"".join(value.strings)
    if isinstance(value, CAA):
        return value.flags, value.tag.lower(), value.value
    return value


def _fits(value: Rdata, patterns: Collection[str]) -> bool:
    in_case = str if isinstance(value, URI) else str.lower  # names are compared without regard to case
    fields = in_case(value.to_text()).split()
    return any(
        len(fields) == len(wanted)
        and all(want in ("*", field) for want, field in zip(wanted, fields, strict=True))
        for wanted in (in_case(pattern).split() for pattern in patterns)
    )
