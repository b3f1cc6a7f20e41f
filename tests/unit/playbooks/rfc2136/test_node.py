"""What an answer says about an owner name."""

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.node import (
    NONEXISTENT,
    InUse,
    Node,
    read_node,
)

NAME = dns.name.from_text("www.example.test")
SOA = "example.test. 60 IN SOA ns. host. 1 2 3 4 5"


def answer(*, rcode: str = "NOERROR", aa: bool = True, **sections: str) -> dns.message.Message:
    lines = ["id 1", "opcode QUERY", f"rcode {rcode}", f"flags QR{' AA' if aa else ''}"]
    lines += [";QUESTION", f"{NAME} IN A"]
    for section, records in sections.items():
        lines += [f";{section.upper()}", records]
    return dns.message.from_text("\n".join(lines))


def read(message: dns.message.Message, rdtype: str = "A") -> Node:
    return read_node(message, NAME, dns.rdatatype.from_text(rdtype))


def texts(node: Node) -> list[str]:
    assert node.rrset is not None
    return sorted(value.to_text() for value in node.rrset.values)


def test_values_and_ttl() -> None:
    node = read(answer(answer=f"{NAME} 60 IN A 192.0.2.1\n{NAME} 60 IN A 192.0.2.2"))
    assert texts(node) == ["192.0.2.1", "192.0.2.2"]
    assert (node.in_use, node.rrset and node.rrset.ttl, node.cname) == (InUse.YES, 60, None)


def test_nothing_at_the_name() -> None:
    assert read(answer(rcode="NXDOMAIN", authority=SOA)) == NONEXISTENT


def test_other_data_or_only_names_below() -> None:
    assert read(answer(authority=SOA)) == Node(InUse.UNKNOWN)


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
def test_a_cname_at_the_name_wherever_it_leads(rcode: str) -> None:
    node = read(answer(rcode=rcode, answer=f"{NAME} 60 IN CNAME gone.example.test."))
    assert node.cname is not None
    assert (node.in_use, node.rrset) == (InUse.YES, None)


def test_the_values_of_a_cnames_target_are_not_the_names_own() -> None:
    chain = f"{NAME} 60 IN CNAME b.example.test.\nb.example.test. 60 IN A 192.0.2.1"
    assert read(answer(answer=chain)).rrset is None


def test_a_cname_made_from_a_dname_is_not_there() -> None:
    made = f"example.test. 60 IN DNAME example.org.\n{NAME} 60 IN CNAME www.example.org."
    assert read(answer(answer=made)) == Node(InUse.UNKNOWN, occluded=True, below_dname=True)


def test_a_delegations_name_servers_stand_in_the_referral() -> None:
    referral = answer(aa=False, authority=f"{NAME} 60 IN NS ns.www.example.test.")
    node = read(referral, "NS")
    assert texts(node) == ["ns.www.example.test."]
    assert (node.in_use, node.occluded) == (InUse.YES, False)
    assert (read(referral).rrset, read(referral).occluded) == (None, True)


def test_glue_stands_beside_the_referral() -> None:
    referral = answer(
        aa=False,
        authority=f"example.test. 60 IN NS {NAME}",
        additional=f"{NAME} 60 IN A 192.0.2.53",
    )
    assert texts(read(referral)) == ["192.0.2.53"]
