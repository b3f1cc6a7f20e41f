"""Values of every type, applied by the shipped playbook to each server, come back as they were accepted."""

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from app.core.config import ROOT
from app.domain.change import RRsetKey
from app.domain.rdata import RecordType, canonical
from app.domain.server import Server
from app.nameservers.resolver import ask
from stack.embedded import Stack
from tests.integration.conftest import ZoneOn
from tests.support.builders import change
from tests.support.runs import execute
from tests.support.thoroughly import thoroughly
from tests.support.zones import APPLIED, UNCHANGED

KEY_15 = "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="
KEY_13 = "oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA=="
ECH = "AEn+DQBFKwAgACABWIHUGj4u+PIggYXcR5JF0gYk3dCRioBW8uJq9H4mKAAIAAEAAQABAANAEnB1YmxpYy50bHMtZWNoLmRldgAA"

VALUES: Mapping[str, tuple[str, ...]] = {
    "A": ("192.0.2.10", "255.255.255.255"),
    "AAAA": ("2001:DB8::1", "::ffff:192.0.2.1", "::1.2.3.4", "::"),
    "AFSDB": ("1 AFS.example.org", "2 dce.example.org"),
    "APL": ("1:192.168.32.0/21 !1:192.168.38.0/28", "1:0.0.0.0/0 2:2001:DB8::/32 2:::/128"),
    "CAA": ('0 issue "ca.example; account=1"', '128 IODEF "mailto:a@example.org"', '0 tbs "a \\"b\\""'),
    "CDNSKEY": (f"257 3 15 {KEY_15}", f"256 3 13 {KEY_13}"),
    "CDS": ("60485 13 2 " + "AB" * 32, "1 15 4 " + "01" * 48),
    "CERT": ("PGP 0 0 mQENBFVHm5s=", "65280 65535 RSASHA256 " + "QUJD" * 40, "URI 1 8 AAAA"),
    "CNAME": (r"a\.b\;c.Example.org", "*.example.org", ".", r"a\000b\010.example.org", "localhost."),
    "CSYNC": ("66 3 A NS AAAA TYPE65280", "4294967295 0"),
    "DHCID": (
        "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
        "AAABxLmlskllE0MVjd57zHcWmEH3pCQ6VytcKD//7es/deY=",
    ),
    "DNAME": ("other.Example.org", r"a\.b.example.org"),
    "DNSKEY": (f"256 3 15 {KEY_15}", f"257 3 13 {KEY_13}"),
    "DS": ("60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", "1 13 4 " + "EF" * 48),
    "EUI48": ("00:00:5E:00:53:2A", "ff-ff-ff-ff-ff-ff"),
    "EUI64": ("00-00-5e-ef-10-00-00-2a", "FF:FF:FF:FF:FF:FF:FF:FF"),
    "HINFO": ('"PC-Intel-700mhz" "Redhat Linux 7.1"', r'"\"\\;" "\195\188\000"', 'RFC8482 ""'),
    "HTTPS": ("1 . alpn=h3,h2 ipv4hint=192.0.2.1,192.0.2.2 port=8443", f"2 Svc.example.org ech={ECH}"),
    "KX": ("10 kx.Example.org", "65535 kx2.example.org"),
    "L32": ("10 10.1.2.0", "20 10.1.4.0"),
    "L64": ("10 2001:DB8:1140:1000", "20 0:0:0:1"),
    "LOC": (
        "42 21 54 N 71 06 18 W -24m 30m",
        "52 14 05.123 S 0 8 50 E 0.29m",
        "0 0 0 N 180 0 0 W -100000m 0m 0m 0.01m",
        "90 0 0 N 0 0 0 E 42849672.95m 90000000m 90000000m 90000000m",
    ),
    "LP": ("10 l64-subnet1.Example.org", "20 _x.example.org"),
    "MX": ("10 Mail.example.org", "0 mail2.example.org"),
    "NAPTR": (
        r'100 10 "u" "E2U+sip" "!^\\+44(.*)$!sip:\\1@example.org!i" .',
        '100 50 "S" "z3950+I2L+I2C" "" _z3950._tcp.Example.org.',
        r'1 2 "s" "" "" a\;b\.c.example.org',
    ),
    "NID": ("10 0014:4FFF:ff20:ee64", "20 15:4fff:ff21:ee65"),
    "NS": ("ns1.Example.org", "ns2.example.org"),
    "OPENPGPKEY": ("mQENBFVHm5sBCACxaaaa", "QUJD" * 200),
    "PTR": (r"My\032Printer._ipp._tcp.example.org", "*.example.org", "host.example.org"),
    "RP": ("john.doe@Example.org people.example.org", ". ."),
    "SMIMEA": ("3 0 0 " + "30" * 100, "3 1 2 " + "AB" * 64),
    "SRV": ("10 5 5060 Sip.example.org", "0 0 0 ."),
    "SSHFP": ("2 1 123456789abcdef67890123456789abcdef67890", "4 2 " + "AB" * 32),
    "SVCB": (
        r'1 _x.Example.org. key667="hello\210qoo"',
        "3 svc.example.org mandatory=ipv4hint,alpn alpn=h2 ipv4hint=192.0.2.1 ipv6hint=2001:DB8::1",
        "5 . alpn=dot no-default-alpn dohpath=/q{?dns}",
        "6 . ohttp key667 docpath=a,b",
        r'16 foo.example.org alpn="f\\\\oo\\,bar,h2"',
    ),
    "TLSA": ("DANE-EE SPKI SHA2-256 " + "AB" * 32, "0 0 0 " + "30" * 200, "1 1 2 " + "CD" * 64),
    "TXT": ('"one" "two"', "x" * 700, 'say "hi"; \\ {{ 7*7 }}', "grün", r'"\000\255"', ""),
    "URI": ('10 1 "ftp://ftp1.example.org/public"', "0 65535 https://x.example.org/?a=%20;b=(c)#d"),
    "TYPE65280": (r"\# 4 0A000001", r"\# 0", r"\# 300 " + "ab" * 300),
}
# What a server does not take, or alters; docs/reference/records.md says why.
# Whatever is not here must come back.
LARGEST_LOC = "90 0 0 N 0 0 0 E 42849672.95m 90000000m 90000000m 90000000m"
NOT_TAKEN: Mapping[str, Mapping[str, Collection[str]]] = {
    "bind": {"DNSKEY": VALUES["DNSKEY"], "SVCB": VALUES["SVCB"][:1]},
    "knot": {},
    "powerdns": {"LOC": [LARGEST_LOC], "TYPE65280": VALUES["TYPE65280"]},
    "api": {"LOC": [LARGEST_LOC]},
}


def owner(record_type: str, number: int) -> str:
    """An owner name where a server takes such a record."""
    places = {"DNSKEY": "@", "DS": "delegated", "CDS": "_dsboot._signal", "CDNSKEY": "_dsboot._signal"}
    return places.get(record_type, f"{record_type.lower()}-{number}")


@pytest.fixture(scope="module")
def inventory(
    infrastructure: Stack, more_name_servers: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An inventory of all servers, of which `api` is PowerDNS over its API: Ansible reads it once."""
    hosts: dict[str, dict[str, object]] = {}
    for name in ("bind", "knot", "powerdns"):
        stack = infrastructure if name == "bind" else more_name_servers
        address, _, port = stack.env["DNS_SERVER" if name == "bind" else f"{name.upper()}_SERVER"].rpartition(
            ":"
        )
        by_update = {
            "dns_server": address,
            "dns_port": int(port),
            "dns_tsig_key_file": str(stack.key_file(name)),
        }
        hosts[name] = {"ansible_connection": "local", **by_update}
    folder = tmp_path_factory.mktemp("inventory")
    key = folder / "api.key"
    key.write_text((more_name_servers.data("powerdns") / "api.key").read_text())
    by_api = {"dns_api_url": more_name_servers.env["POWERDNS_API_URL"], "dns_api_key_file": str(key)}
    api = {"hosts": {"api": {"ansible_connection": "local", **by_api}}}
    (folder / "hosts.yml").write_text(
        json.dumps({"dns": {"hosts": hosts, "children": {"dns_powerdns": api}}})
    )
    return folder / "hosts.yml"


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("server", ["bind", "knot", thoroughly("powerdns"), "api"])
def test_what_is_accepted_comes_back(zone_on: ZoneOn, server: str, inventory: Path) -> None:
    zone = zone_on(server)
    accepted = [
        (record_type, value, owner(record_type, number), canonical(RecordType(record_type), value))
        for record_type, values in VALUES.items()
        for number, value in enumerate(values)
    ]
    changes = [
        change("create", name, record_type, rdata, zone=zone.name) for record_type, _, name, rdata in accepted
    ]
    delegation = change("create", "delegated", "NS", "ns1.example.org.", zone=zone.name)
    execute(inventory, delegation, *changes, backend=server)
    keys = {each.key for each in changes}
    answers = ask(Server(zone.target.address, zone.target.port), keys, timeout=5, zone=zone.name)
    lost: dict[str, set[str]] = {}
    for record_type, value, name, rdata in accepted:
        if rdata not in answers[RRsetKey(zone.full(name), record_type)].rdata:
            lost.setdefault(record_type, set()).add(value)
    assert lost == {record_type: set(values) for record_type, values in NOT_TAKEN[server].items()}
    assert all(len(values) > 1 for values in VALUES.values())


def test_every_type_is_tried() -> None:
    assert VALUES.keys() - {"TYPE65280"} == set(RecordType)


def test_what_servers_do_not_take_is_documented() -> None:
    text = (ROOT / "docs" / "reference" / "records.md").read_text()
    table = text[text.index("## What servers do not take") :]
    servers = {"bind": "BIND", "knot": "Knot", "powerdns": "PowerDNS", "api": "PowerDNS's API"}
    for server, types in NOT_TAKEN.items():
        for record_type in types:
            name = "TYPE" if record_type.startswith("TYPE") else record_type
            assert re.search(rf"^\| {servers[server]} \| .*`{name}", table, re.MULTILINE), (
                server,
                record_type,
            )


@pytest.mark.parametrize("server", ["bind", *map(thoroughly, ("knot", "powerdns")), "api"])
def test_a_deletion_whatever_the_numbers(zone_on: ZoneOn, server: str) -> None:
    zone = zone_on(server)
    for record_type, kept, removed in (
        ("KX", "10 kx2.example.org.", "kx.example.org"),
        ("NID", "10 0001:0002:0003:0005", "1:2:3:4"),
        ("URI", '10 1 "https://Example.org/"', "https://example.org/"),
    ):
        values = [canonical(RecordType(record_type), removed, priority=number) for number in (7, 8)]
        zone.do("create", "name", record_type, kept, *values)
        pattern = canonical(RecordType(record_type), removed, pattern=True)
        assert zone.do("delete", "name", record_type, pattern) == APPLIED
        assert zone.values("name", record_type) == {kept}


@pytest.mark.parametrize("server", ["bind", *map(thoroughly, ("knot", "powerdns")), "api"])
def test_what_is_there_is_found_and_deleted_by_its_value(zone_on: ZoneOn, server: str) -> None:
    zone = zone_on(server)
    zone.do("create", "delegated", "NS", "ns1.example.org.")
    taken = [
        (owner(record_type, number), record_type, canonical(RecordType(record_type), value))
        for record_type, values in VALUES.items()
        for number, value in enumerate(values)
        if value not in NOT_TAKEN[server].get(record_type, ()) and owner(record_type, number) != "@"
    ]
    for action, outcome in (("create", APPLIED), ("create", UNCHANGED), ("delete", APPLIED)):
        said = zone.apply(*(zone.change(action, *each) for each in taken))
        assert [each for each, found in zip(taken, said, strict=True) if found != outcome] == [], action
    left = {(name, record_type): zone.values(name, record_type) for name, record_type, _ in taken}
    assert [place for place, values in left.items() if values] == []
