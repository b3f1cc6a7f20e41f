"""Records of update messages. dnspython writes the same, and takes four times as long for it.

Where names are in the data, it writes them: names that differ in case alone become the same, which PowerDNS
would not tell apart in its answers.
"""

import struct
from typing import Any

import dns.name
from dns.rdata import Rdata
from dns.rdataclass import RdataClass
from dns.rdatatype import AAAA, NONE, TXT, A, RdataType
from dns.rrset import RRset

_ZONE_PLACE = 12  # octets: where the zone's name is, behind the header
_MAX_PLACE = 0x3FFF  # to which a pointer can point (RFC 1035 section 4.1.4)
_POINTER = 0xC000
_WITHOUT_NAMES = frozenset({A, AAAA, TXT})
_RR_HEADER = struct.Struct("!HHIH")  # type, class, TTL, length of the data


class UpdateRecord(RRset):
    """One record of a prerequisite or an update of `zone`; without a value it has no data."""

    __slots__ = ("_zone",)

    def __init__(
        self,
        zone: dns.name.Name,
        name: dns.name.Name,
        classes: tuple[RdataClass, RdataClass | None],
        rdtype: RdataType,
        value: Rdata | None = None,
        ttl: int = 0,
    ) -> None:
        """Take the class, and the one that stands for it in the message of a deletion."""
        super().__init__(name, classes[0], rdtype, NONE if value is None else value.covers(), classes[1])
        self._zone = zone
        if value is not None:
            self.items[value] = None
            self.ttl = ttl

    def to_wire(self, file: Any, compress: Any = None, origin: Any = None, **_: Any) -> int:  # type: ignore[override]
        """Write the record to a message; return 1, the number of records."""
        if self.items and self.rdtype not in _WITHOUT_NAMES:
            return super().to_wire(file, compress, origin)
        rdclass = self.rdclass if self.deleting is None else self.deleting
        data = b"".join(value.to_wire() or b"" for value in self.items)
        compress.setdefault(_key(self._zone), _ZONE_PLACE)
        owner = _compressed(self.name, file.tell(), compress)
        file.write(owner + _RR_HEADER.pack(self.rdtype, rdclass, self.ttl, len(data)) + data)
        return 1


def _compressed(name: dns.name.Name, place: int, compress: dict[tuple[bytes, ...], int]) -> bytes:
    """Return a name as it is written at this place of a message; note where its ends are from now on."""
    key = _key(name)
    written = b""
    for cut, label in enumerate(name.labels):
        known = compress.get(key[cut:])
        if known is not None:
            return written + (_POINTER | known).to_bytes(2, "big")
        if label and place + len(written) <= _MAX_PLACE:
            compress[key[cut:]] = place + len(written)
        written += bytes((len(label),)) + label
    return written


def _key(name: dns.name.Name) -> tuple[bytes, ...]:
    """Return what is the same for names that are: to hash a name takes long."""
    return tuple(map(bytes.lower, name.labels))
