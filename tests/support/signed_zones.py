"""BIND with zones that it signs by itself, by NSEC and by NSEC3 (RFC 4034, RFC 5155)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.connection import Target
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.key_file import read_key

from stack.bind import Bind
from stack.nameserver import KEY_NAME, create_key, empty_zone
from stack.ports import HOST, Ports
from tests.support.eventually import eventually
from tests.support.own_bind import running_bind
from tests.support.zones import ZoneUnderTest

# By zone: a dynamic zone that BIND signs, and one that it keeps unsigned beside the one that it serves.
SIGNED = {
    "nsec.test": "dnssec-policy default;",
    "nsec3.test": "dnssec-policy hashed; inline-signing yes;",
}
DS = "60485 13 2 " + "8a2b" * 16
SIGNAL = "_dsboot.example.org._signal.ns1"  # below which a child's CDS stand, RFC 9615 2
_RECORDS = f"""\
www A 192.0.2.1
*.w TXT "any"
child NS ns.example.org.
child DS {DS}
{SIGNAL} CDS {DS}
"""

_OPTIONS = """\
include "{key}";
include "{rndc_key}";
controls {{ inet {host} port {rndc} allow {{ {host}; }} keys {{ "rndc"; }}; }};
options {{
    directory "{home}"; key-directory "{home}"; listen-on port {port} {{ {host}; }}; listen-on-v6 {{ none; }};
    pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no;
}};
dnssec-policy "hashed" {{
    keys {{ csk lifetime unlimited algorithm ecdsap256sha256; }};
    nsec3param iterations 0 optout no salt-length 0;
}};
"""
_ZONE = """\
zone "{zone}" {{
    type primary; file "{zone}"; allow-update {{ key "{key}"; }}; allow-transfer {{ key "{key}"; }}; {signing}
}};
"""


class SignedZone(ZoneUnderTest):
    """One of the zones. Whoever has its key changes it; BIND signs what was changed."""

    def __init__(self, name: str, port: int, key_file: Path, bind: Bind) -> None:
        self.name = name
        self.target = Target(HOST, port, 3, 10)
        self.key_file = key_file
        self.key = read_key(key_file)
        self.transfers_are_signed = self.shows_hidden = True
        self.outcomes = Outcomes()
        self._bind = bind

    def sign_again(self) -> None:
        """Have BIND make all signatures anew, and wait until it has."""
        before = self.serial()
        self._bind.rndc("sign", self.name)
        eventually(lambda: self.serial() > before)

    def is_signed(self) -> bool:
        """Whether BIND has signed all of the zone: it says so in a record of its own."""
        return any(" TYPE65534 " in line for line in self.transfer())

    def serial(self) -> int:
        """The zone's serial, as BIND answers it."""
        [soa] = self.answered("@", "SOA")[0]
        return int(soa.serial)

    def keys(self) -> dns.rrset.RRset:
        """The zone's DNSKEY records."""
        return self.answered("@", "DNSKEY")[0]

    def answered(self, owner: str, rdtype: str) -> tuple[dns.rrset.RRset, dns.rrset.RRset | None]:
        """An RRset, and its signatures."""
        name = dns.name.from_text(self.full(owner))
        query = dns.message.make_query(name, rdtype, want_dnssec=True, flags=0)
        reply = dns.query.tcp(query, HOST, timeout=30, port=self.target.port)
        found, kind = reply.answer, dns.rdatatype.from_text(rdtype)
        rrset = reply.get_rrset(found, name, dns.rdataclass.IN, kind)
        assert rrset is not None, reply
        return rrset, reply.get_rrset(found, name, dns.rdataclass.IN, dns.rdatatype.RRSIG, kind)

    def require_signed(self, owner: str, rdtype: str, *values: str) -> None:
        """Raise unless the RRset has these values, and a signature by the zone's keys is true of it."""
        rrset, signatures = self.answered(owner, rdtype)
        assert {value.to_text() for value in rrset} == set(values)
        assert signatures is not None, "not signed"
        apex, keys = dns.name.from_text(self.name), self.keys()
        dns.dnssec.validate(rrset, signatures, {apex: keys})


@contextmanager
def signed_zones(home: Path) -> Iterator[Mapping[str, SignedZone]]:
    """Run BIND for the block; return its zones, all signed."""
    ports, key, rndc_key = Ports.free(), home / "orchestrator.key", home / "state" / "bind" / "rndc.key"
    rndc_key.parent.mkdir(parents=True)
    create_key(key)
    create_key(rndc_key, "rndc")
    names = {"key": key, "rndc_key": rndc_key, "host": HOST, "rndc": ports.rndc, "port": ports.dns}
    text = _OPTIONS.format(home=home, **names)
    for name, signing in SIGNED.items():
        (home / name).write_text(empty_zone(name) + _RECORDS)
        text += _ZONE.format(zone=name, key=KEY_NAME, signing=signing)
    with running_bind(home, ports, text) as bind:
        zones = {name: SignedZone(name, ports.dns, key, bind) for name in SIGNED}
        for zone in zones.values():
            eventually(zone.is_signed)
        yield zones
