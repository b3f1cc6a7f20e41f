"""The table of the record types: how the target of each is read."""

from collections.abc import Mapping
from typing import NamedTuple

from app.domain.rdata.addresses import read_ipv4, read_ipv6
from app.domain.rdata.caa import read_caa
from app.domain.rdata.numbered import read_mx, read_srv
from app.domain.rdata.reading import Reader
from app.domain.rdata.targets import read_any_name, read_host
from app.domain.rdata.text import read_txt
from app.domain.rdata.types import RecordType


class Entry(NamedTuple):
    """What is particular to a type."""

    read: Reader
    takes: tuple[str, ...] = ()  # fields of the request that a target may leave to them


TABLE: Mapping[RecordType, Entry] = {
    RecordType.A: Entry(read_ipv4),
    RecordType.AAAA: Entry(read_ipv6),
    RecordType.CNAME: Entry(read_any_name),
    RecordType.MX: Entry(read_mx, ("priority",)),
    RecordType.NS: Entry(read_host),
    RecordType.PTR: Entry(read_any_name),
    RecordType.SRV: Entry(read_srv, ("priority", "weight", "port")),
    RecordType.TXT: Entry(read_txt),
    RecordType.CAA: Entry(read_caa),
}
