"""Names and values that are written in unusual ways, from the API to the server's answer and the records."""

from typing import Any

import httpx2
import pytest

from stack.embedded import Stack
from tests.support.builders import body
from tests.support.user import User
from tests.support.zones import ZoneUnderTest


def succeed(user: User, *items: dict[str, Any]) -> None:
    requests = user.submit_and_wait(*items)
    assert [(each["status"], each["error"]) for each in requests] == [("succeeded", None)] * len(items)


def recorded(user: User, **where: str) -> list[Any]:
    return [item["target"] for item in user.api.get("/dns/records", params=where).json()["items"]]


TEXTS = {
    "": '""',
    '"foo" "bar"': '"foo" "bar"',
    r'"\255\000"': r'"\255\000"',
    'say "hi"': r'"say \"hi\""',
}


def test_texts(user: User, zone: str) -> None:
    names = {f"text{number}": written for number, written in enumerate(TEXTS)}
    succeed(user, *(body(zone, name, record_type="txt", target=written) for name, written in names.items()))
    for name, written in names.items():
        assert user.dig(f"{name}.{zone}", "TXT") == {TEXTS[written]}
        assert recorded(user, domain=f"{name}.{zone}") == [[TEXTS[written]]]
    gone = (
        body(zone, name, action="delete", record_type="TXT", target=TEXTS[written])
        for name, written in names.items()
    )
    succeed(user, *gone)
    assert [user.dig(f"{name}.{zone}", "TXT") for name in names] == [set()] * len(TEXTS)


def test_a_reverse_zone_of_less_than_an_octet(stack: Stack, user: User, zone: str) -> None:
    """RFC 2317: the parent has a CNAME for each address, the zone of the range has the PTR."""
    reverse = f"0/25.{zone.removesuffix('.test').removeprefix('t-')}.in-addr.arpa"
    stack.add_zone(reverse)
    user.serve(reverse)
    succeed(user, body(reverse, "1", record_type="PTR", target=f"www.{zone}"))
    succeed(user, body(zone, "1", record_type="CNAME", target=f"1.{reverse}"))
    assert user.dig(f"1.{reverse}", "PTR") == {f"www.{zone}."}
    assert user.dig(f"1.{zone}", "CNAME") == {f"1.{reverse}."}
    path = f"/zones/{reverse.replace('/', '%2F')}"
    assert user.api.get(path).raise_for_status().json()["name"] == reverse
    with pytest.raises(httpx2.HTTPStatusError, match="409"):
        user.api.post("/zones", json={"name": reverse, "backend": "bind"}).raise_for_status()
    assert user.api.delete(path).raise_for_status().status_code == 204


def test_a_service_and_its_instance(user: User, zone: str) -> None:
    """RFC 6763."""
    instance = r"my\032printer\046\032gr\195\188n"
    succeed(
        user,
        body(zone, "_services._dns-sd._udp", record_type="PTR", target=f"_ipp._tcp.{zone}"),
        body(zone, "_ipp._tcp", record_type="PTR", target=rf"My Printer\. grün._ipp._tcp.{zone}"),
        body(zone, r"My Printer\. grün._ipp._tcp", record_type="SRV", target=f"0 0 631 printer.{zone}"),
        body(zone, rf"{instance}._ipp._tcp", record_type="TXT", target="txtvers=1"),
    )
    assert user.dig(rf"{instance}._ipp._tcp.{zone}", "SRV") == {f"0 0 631 printer.{zone}."}
    assert recorded(user, domain=f"_ipp._tcp.{zone}") == [[rf"{instance}._ipp._tcp.{zone}."]]
    names = {item["domain"] for item in user.api.get("/dns/records", params={"zone": zone}).json()["items"]}
    assert rf"{instance}._ipp._tcp.{zone}" in names


def test_the_service_of_an_emoji(user: User, zone: str) -> None:
    succeed(user, body(zone, "xn--ls8h"))
    assert user.dig(f"xn--ls8h.{zone}", "A") == {"192.0.2.1"}


def test_a_text_that_somebody_else_has_split(stack: Stack, user: User, zone: str) -> None:
    """As another tool writes a long DKIM key: create finds it, delete removes it."""
    there = ZoneUnderTest(stack, zone)
    there.do("create", "www", "TXT", '"foo" "bar"')
    succeed(user, body(zone, action="create", record_type="TXT", target="foobar"))
    assert user.dig(f"www.{zone}", "TXT") == {'"foo" "bar"'}
    succeed(user, body(zone, action="delete", record_type="TXT", target="foobar"))
    assert user.dig(f"www.{zone}", "TXT") == set()


def test_a_host_is_deleted_whatever_its_preference(user: User, zone: str) -> None:
    mail, backup = "mail.example.org", "backup.example.org"
    succeed(user, body(zone, record_type="MX", target=[f"20 {mail}", f"30 {mail}", f"20 {backup}"]))
    succeed(user, body(zone, action="delete", record_type="MX", target=mail))
    assert user.dig(f"www.{zone}", "MX") == {f"20 {backup}."}
    assert recorded(user, zone=zone) == [[f"20 {backup}."]]
    succeed(user, body(zone, "_sip._tcp", record_type="SRV", target=["1 2 5060 a.test.", "1 2 5061 a.test."]))
    port = {"extra_config": {"port": 5060}}
    succeed(user, body(zone, "_sip._tcp", action="delete", record_type="SRV", target="a.test.", config=port))
    assert user.dig(f"_sip._tcp.{zone}", "SRV") == {"1 2 5061 a.test."}


def test_newer_types(user: User, zone: str) -> None:
    succeed(
        user,
        body(zone, record_type="HTTPS", target="1 . port=8443 alpn=h3,h2"),
        body(zone, "_443._tcp.www", record_type="TLSA", target="DANE-EE SPKI SHA2-256 " + "AB" * 32),
        body(zone, "old", record_type="DNAME", target="New.example.org"),
        body(zone, "sub", record_type="NS", target="ns1.example.org"),
        body(zone, "sub", record_type="DS", target="60485 ECDSAP256SHA256 2 " + "AB" * 32),
        body(zone, record_type="LOC", target="52 14 05 N 0 8 50 E 0.29m"),
        body(zone, r"john\.doe", record_type="TXT", target="x"),
    )
    assert user.dig(f"www.{zone}", "HTTPS") == {'1 . alpn="h3,h2" port="8443"'}
    assert recorded(user, domain=f"sub.{zone}", record_type="DS") == [["60485 13 2 " + "ab" * 32]]
    assert recorded(user, domain=rf"john\046doe.{zone}") == [['"x"']]
    assert user.dig(f"www.{zone}", "LOC") == {"52 14 5.000 N 0 8 50.000 E 0.29m"}
    succeed(user, body(zone, action="delete", record_type="HTTPS", target='1 . alpn="h3,h2" port=8443'))
    assert user.dig(f"www.{zone}", "HTTPS") == set()


def test_an_international_name(user: User, zone: str) -> None:
    succeed(user, body(zone, "müller", record_type="CNAME", target="grün.example.org"))
    (record,) = user.api.get("/dns/records", params={"zone": zone}).json()["items"]
    assert record["domain"] == f"xn--mller-kva.{zone}"
    assert record["domain_unicode"] == f"müller.{zone}"
    assert record["target"] == ["xn--grn-ioa.example.org."]


def test_the_parents_side_of_a_delegation(stack: Stack, user: User, zone: str) -> None:
    """Both zones are on the same server, which shows the child; the parent shows once the child is gone."""
    child = f"child.{zone}"
    stack.add_zone(child)
    user.serve(child)
    ds = "1 8 2 " + "ab" * 32
    succeed(
        user,
        body(zone, "child", record_type="NS", target=f"ns.{child}", zone=zone),
        body(zone, "child", record_type="DS", target=ds, zone=zone),
        body(zone, "ns.child", target="192.0.2.53", zone=zone),
        body(zone, "child", record_type="NS", target="ns.other.test"),
    )
    assert user.dig(child, "NS") > {"ns.other.test."}
    assert user.dig(child, "DS") == {ds}
    assert recorded(user, zone=zone, record_type="NS") == [[f"ns.{child}."]]
    succeed(user, body(zone, "child", action="delete", record_type="NS", target=f"ns.{child}", zone=zone))
    assert recorded(user, zone=zone, record_type="NS") == []
