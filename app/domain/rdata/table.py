"""The table of the record types: how the target of each is read, and how its values are shown."""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import NamedTuple

import dns.rdata
import dns.rdatatype

from app.domain.rdata import show
from app.domain.rdata.addresses import read_ipv4, read_ipv6
from app.domain.rdata.apl import read_apl
from app.domain.rdata.caa import read_caa
from app.domain.rdata.csync import read_csync
from app.domain.rdata.dnssec import read_cdnskey, read_cds, read_dnskey, read_ds
from app.domain.rdata.generic import read_generic, show_generic
from app.domain.rdata.hosts import read_afsdb, read_hinfo, read_rp
from app.domain.rdata.keys import read_cert, read_dhcid, read_openpgpkey, read_sshfp, read_tlsa
from app.domain.rdata.loc import read_loc
from app.domain.rdata.locators import read_eui48, read_eui64, read_l32, read_l64, read_lp, read_nid
from app.domain.rdata.naptr import read_naptr
from app.domain.rdata.numbered import read_kx, read_mx, read_srv
from app.domain.rdata.reading import Reader
from app.domain.rdata.svcb import read_svcb
from app.domain.rdata.targets import read_any_name, read_host
from app.domain.rdata.text import read_txt
from app.domain.rdata.types import RecordType
from app.domain.rdata.uri import read_uri


class Owner(Enum):
    """What kind of owner name a type takes."""

    ANY = auto()
    HOST = auto()  # letters, digits and hyphens (RFC 1123 2.1), or a wildcard of them
    SERVICE = auto()  # begins with a label that has an underscore in front (RFC 8552)
    APEX = auto()  # the zone's own name
    CUT = auto()  # a name that is delegated, never the zone's own


class Entry(NamedTuple):
    """What is particular to a type."""

    read: Reader
    show: Callable[[dns.rdata.Rdata], str] = show.as_it_is
    takes: tuple[str, ...] = ()  # fields of the request that a target may leave to them
    owner: Owner = Owner.ANY
    single: bool = False  # a name has one value of it; rules of its own say so of a CNAME
    parsed: bool = False  # what is read is canonical only after dnspython has had it on the wire
    dense: bool = False  # its text can be shorter than its octets


_T = RecordType
_NUMBERS = ("priority", "weight", "port")

TABLE: Mapping[RecordType, Entry] = {
    _T.A: Entry(read_ipv4, owner=Owner.HOST),
    _T.AAAA: Entry(read_ipv6, owner=Owner.HOST),
    _T.AFSDB: Entry(read_afsdb, show.lowered),
    _T.APL: Entry(read_apl, dense=True),
    _T.CAA: Entry(read_caa, show.caa),
    _T.CDNSKEY: Entry(read_cdnskey, owner=Owner.APEX),
    _T.CDS: Entry(read_cds, owner=Owner.APEX),
    _T.CERT: Entry(read_cert, show.cert),
    _T.CNAME: Entry(read_any_name, show.lowered),
    _T.CSYNC: Entry(read_csync, owner=Owner.APEX, single=True, dense=True),
    _T.DHCID: Entry(read_dhcid),
    _T.DNAME: Entry(read_any_name, show.lowered, single=True),
    _T.DNSKEY: Entry(read_dnskey, owner=Owner.APEX),
    _T.DS: Entry(read_ds, owner=Owner.CUT),
    _T.EUI48: Entry(read_eui48),
    _T.EUI64: Entry(read_eui64),
    _T.HINFO: Entry(read_hinfo),
    _T.HTTPS: Entry(read_svcb, show.svcb, _NUMBERS[:1], dense=True, parsed=True),
    _T.KX: Entry(read_kx, show.lowered, _NUMBERS[:1]),
    _T.L32: Entry(read_l32, takes=_NUMBERS[:1]),
    _T.L64: Entry(read_l64, takes=_NUMBERS[:1]),
    _T.LOC: Entry(read_loc),
    _T.LP: Entry(read_lp, show.lowered, _NUMBERS[:1]),
    _T.MX: Entry(read_mx, show.lowered, _NUMBERS[:1]),
    _T.NAPTR: Entry(read_naptr, show.naptr),
    _T.NID: Entry(read_nid, takes=_NUMBERS[:1]),
    _T.NS: Entry(read_host, show.lowered),
    _T.OPENPGPKEY: Entry(read_openpgpkey, owner=Owner.SERVICE),
    _T.PTR: Entry(read_any_name, show.lowered),
    _T.RP: Entry(read_rp, show.lowered),
    _T.SMIMEA: Entry(read_tlsa, owner=Owner.SERVICE),
    _T.SRV: Entry(read_srv, show.lowered, _NUMBERS, Owner.SERVICE),
    _T.SSHFP: Entry(read_sshfp),
    _T.SVCB: Entry(read_svcb, show.svcb, _NUMBERS[:1], dense=True, parsed=True),
    _T.TLSA: Entry(read_tlsa, owner=Owner.SERVICE),
    _T.TXT: Entry(read_txt),
    _T.URI: Entry(read_uri, takes=_NUMBERS[:2], owner=Owner.SERVICE),
}

UNKNOWN = Entry(read_generic, show_generic)
"""Any other type, by its octets (RFC 3597). Whether a zone has such a record is its own choice."""

SHOWN: Mapping[int, Callable[[dns.rdata.Rdata], str]] = {
    int(dns.rdatatype.from_text(record_type)): entry.show for record_type, entry in TABLE.items()
}
"""How values are shown, by the number of their type."""
