"""Names: one canonical form, and a code for each kind of mistake."""

import dns.name
import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidName
from app.domain.escapes import escaped
from app.domain.names import (
    domain_name,
    host_name,
    in_unicode,
    lineage,
    longest_match,
    name_in_zone,
    normalize,
)

LABEL_63 = "a" * 63
NAME_253 = ".".join([LABEL_63, LABEL_63, LABEL_63, "b" * 61])

labels = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?", fullmatch=True).filter(
    lambda label: not label.startswith("xn--")
)
names = st.lists(labels, min_size=1, max_size=6).map(".".join).filter(lambda name: not name[-1].isdecimal())


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("www.example.test", "www.example.test"),
        ("WWW.Example.TEST.", "www.example.test"),
        ("test", "test"),
        ("*.example.test", "*.example.test"),
        ("_sip._tcp.example.test", "_sip._tcp.example.test"),
        ("r3---sn.example.test", "r3---sn.example.test"),
        ("10.2.0.192.in-addr.arpa", "10.2.0.192.in-addr.arpa"),
        ("0/25.3.0.192.in-addr.arpa", "0/25.3.0.192.in-addr.arpa"),
        ("1.0/25.3.0.192.IN-ADDR.arpa.", "1.0/25.3.0.192.in-addr.arpa"),
        ("_services._dns-sd._udp.example.test", "_services._dns-sd._udp.example.test"),
        ("_printer._sub._http._tcp.example.test", "_printer._sub._http._tcp.example.test"),
        ("My Printer._ipp._tcp.Example.TEST.", r"my\032printer._ipp._tcp.example.test"),
        (r"My\032Printer._ipp._tcp.example.test", r"my\032printer._ipp._tcp.example.test"),
        (r"Dr\. Pepper._http._tcp.example.test", r"dr\046\032pepper._http._tcp.example.test"),
        ("Küche._ipp._tcp.example.test", r"k\195\188che._ipp._tcp.example.test"),
        ("{{ 7*7 }}._ipp._tcp.example.test", r"\123\123\0327*7\032\125\125._ipp._tcp.example.test"),
        ("-www-.example.test", "-www-.example.test"),
        (r"john\.doe.Example.test", r"john\046doe.example.test"),
        (r"\119\087w.example.test.", "www.example.test"),
        (r"0\/25.3.0.192.in-addr.arpa", "0/25.3.0.192.in-addr.arpa"),
        (r"caf\195\169\;.example.test", r"caf\195\169\059.example.test"),
        (rf"\.{'a' * 62}.test", rf"\046{'a' * 62}.test"),
        ("*._http._tcp.example.test", "*._http._tcp.example.test"),
        ("xn--ls8h.test", "xn--ls8h.test"),
        ("XN--LS8H.test", "xn--ls8h.test"),
        ("müller.example.test", "xn--mller-kva.example.test"),
        ("MÜLLER.example.test", "xn--mller-kva.example.test"),
        ("mu\u0308ller.example.test", "xn--mller-kva.example.test"),  # decomposed
        ("straße.test", "xn--strae-oqa.test"),  # IDNA 2008 keeps the sharp s
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),  # with an ideographic full stop
        ("\uff57ww.example.test", "www.example.test"),  # full width
        ("XN--MLLER-KVA.test", "xn--mller-kva.test"),
        (f"{LABEL_63}.test", f"{LABEL_63}.test"),
        (NAME_253 + ".", NAME_253),
    ],
)
def test_normalize(written: str, normal: str) -> None:
    assert normalize(written) == normal


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "name_empty"),
        (".", "label_empty"),
        ("..", "label_empty"),
        (".example.test", "label_empty"),
        ("www..example.test", "label_empty"),
        ("example.test..", "label_empty"),
        (" ", "name_invalid"),
        ("www example.test", "name_invalid"),
        ("www.example.test ", "name_invalid"),
        ("www.example.test\n", "name_invalid"),
        ("www\u00a0.example.test", "name_invalid"),
        ("www\u3000.example.test", "name_invalid"),
        ("www\0.example.test", "name_invalid"),
        ("www\\000.example.test", "name_invalid"),
        ("www.example\\", "name_invalid"),
        ("www\\1.example.test", "name_invalid"),
        (r"w\256w.example.test", "name_invalid"),
        (r"a b\.c.example.test", "name_invalid"),
        (r"gr\195\188n.ü.example.test", "name_invalid"),
        (r"a\042b.example.test", "wildcard_invalid"),
        (r"192\.0.2.10", "name_is_ip"),
        (f"{chr(92)}046{'a' * 63}.test", "label_too_long"),
        (rf"a\.b.{NAME_253}", "name_too_long"),
        ("www/etc.example.test", "name_invalid"),
        ("0/25.example.test", "name_invalid"),
        ("a/b.3.0.192.in-addr.arpa", "name_invalid"),
        ("a.b c._http._tcp.example.test", "name_invalid"),  # a dot within a label needs a backslash
        ("a\a._http._tcp.example.test", "name_invalid"),
        (r"a\256._http._tcp.example.test", "name_invalid"),
        ("a\\._http._tcp.example.test", "name_invalid"),
        (f"{'a ' * 32}._http._tcp.example.test", "name_invalid"),
        ("\ud800 ._http._tcp.example.test", "name_invalid"),
        ("a b._http._tcp.www/etc.test", "name_invalid"),
        ("{{ 7*7 }}.example.test", "name_invalid"),
        ("{{7*7}}.example.test", "name_invalid"),
        ("a;b.example.test", "name_invalid"),
        ("a'b.example.test", "name_invalid"),
        ("user@example.test", "name_invalid"),
        ("example.test:53", "name_invalid"),
        ("http://www.example.test", "name_is_url"),
        ("192.0.2.10", "name_is_ip"),
        ("192.0.2.300", "name_is_ip"),
        ("\uff1192.0.2.10", "name_is_ip"),
        ("2001:db8::1", "name_is_ip"),
        ("::ffff:192.0.2.1", "name_is_ip"),
        ("a*.example.test", "wildcard_invalid"),
        ("**.example.test", "wildcard_invalid"),
        ("www.*.example.test", "wildcard_invalid"),
        (f"{'a' * 64}.test", "label_too_long"),
        ("ü" * 63 + ".test", "label_too_long"),
        ("ü" * 64 + ".test", "label_too_long"),
        ("ü." * 100 + "test", "name_too_long"),  # each character takes nine
        (f"a{NAME_253}", "name_too_long"),
        (f"c.{NAME_253}", "name_too_long"),
        ("a" * 100_000, "name_too_long"),
        ("ü" * 100_000, "name_too_long"),
        ("xn--.test", "idna_invalid"),
        ('xn--"mller-kva.test', "idna_invalid"),
        ("xn--(mller-kva.test", "idna_invalid"),
        ("xn--a.test", "idna_invalid"),
        ("xn--mller-kvä.test", "idna_invalid"),
        ("💩.test", "idna_invalid"),
        ("\ud800.test", "idna_invalid"),
        ("_ü.test", "idna_invalid"),
    ],
)
def test_refused_names(written: str, code: str) -> None:
    with pytest.raises(InvalidName) as refused:
        normalize(written)
    assert refused.value.code == code
    refused.value.message.encode()  # whatever was written, the message can be sent
    assert len(refused.value.message) < 400


@given(names, st.booleans())
def test_normalize_is_idempotent(name: str, dot: bool) -> None:
    normal = normalize(name.upper() + "." * dot)
    assert normal == name
    assert normalize(normal) == normal


@given(st.text(max_size=80))
def test_any_text_is_either_normal_in_the_end_or_refused(text: str) -> None:
    try:
        normal = normalize(text)
    except InvalidName:
        return
    assert normalize(normal) == normal
    assert normal.isascii()
    assert max(map(len, normal.split("."))) <= 63


texts = st.binary(max_size=61).filter(lambda label: not any(octet < 32 or octet == 127 for octet in label))


@given(texts.map(lambda label: b"a " + label))
def test_the_name_of_an_instance_is_that_of_the_server(label: bytes) -> None:
    there = dns.name.Name([label, b"_http", b"_tcp", b"example", b"test"])
    normal = normalize(there.to_text())
    assert normalize(normal) == normal == escaped(there.to_text().lower())
    assert dns.name.from_text(normal, origin=None) == there


@given(st.text(st.characters(categories=["Ll"], max_codepoint=0x24F), min_size=1, max_size=15))
def test_unicode_names_survive_the_way_there_and_back(label: str) -> None:
    try:
        normal = normalize(f"{label}.test")
    except InvalidName:
        return
    assert normalize(idna.decode(normal)) == normal


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Mail.Example.TEST", "mail.example.test."),
        ("mail.example.test.", "mail.example.test."),
        ("localhost.", "localhost."),
        ("mäil.example.test", "xn--mil-qla.example.test."),
    ],
)
def test_host_names(written: str, canonical: str) -> None:
    assert host_name(written) == canonical


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("localhost", "name_not_fqdn"),
        (r"localhost\.", "name_not_fqdn"),
        ("_mail.example.test", "name_invalid"),
        ("*.example.test", "name_invalid"),
        ("192.0.2.1", "name_is_ip"),
        ("2001:db8::1", "name_is_ip"),
        ("https://mail.example.test/", "name_is_url"),
    ],
)
def test_refused_host_names(written: str, code: str) -> None:
    with pytest.raises(InvalidName) as refused:
        host_name(written)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("_dmarc.Example.test", "_dmarc.example.test."),
        ("*.example.test", "*.example.test."),
        (r"a\.b.example.test", r"a\046b.example.test."),
        ("foo-.example.test", "foo-.example.test."),
    ],
)
def test_domain_names(written: str, canonical: str) -> None:
    assert domain_name(written) == canonical
    with pytest.raises(InvalidName):
        host_name(written)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("www.example.test", "www.example.test"),
        ("xn--mller-kva.example.test", "müller.example.test"),
        ("*.xn--r8jz45g.xn--zckzah", "*.例え.テスト"),
        ("xn--ls8h.test", "xn--ls8h.test"),  # an emoji, which IDNA 2008 does not allow
        (r"a\046b.xn--mller-kva.test.", r"a\046b.müller.test."),
    ],
)
def test_names_as_people_read_them(name: str, shown: str) -> None:
    assert in_unicode(name) == shown


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("example.test", "example.test"),
        ("www.example.test", "example.test"),
        ("a.b.example.test", "b.example.test"),
        ("ab.example.test", "example.test"),
        ("notexample.test", None),
        ("test", None),
    ],
)
def test_longest_match(name: str, zone: str | None) -> None:
    assert longest_match(name, {"example.test", "b.example.test"}) == zone


def test_lineage() -> None:
    assert list(lineage("www.example.test")) == ["www.example.test", "example.test", "test"]


def outcome(written: str) -> str:
    try:
        return normalize(written)
    except InvalidName as error:
        return error.code


@given(
    st.text("ab09-_.xn", max_size=70)
    | st.from_regex(r"([a-z0-9_-]{0,3}\.){0,3}(xn--)?[a-z0-9-]{0,65}", fullmatch=True)
)
def test_names_that_need_no_work_are_those_that_the_work_leaves_as_they_are(name: str) -> None:
    assert outcome(name) == outcome(name.upper())


@pytest.mark.parametrize(
    ("owner", "zone", "name"),
    [
        ("@", "example.test", "example.test"),
        ("WWW", "example.test", "www.example.test"),
        ("www.example.test", "example.test", "www.example.test"),
        ("www.example.test.", "example.test", "www.example.test"),
        ("www.example.org", "example.test", "www.example.org.example.test"),
        ("notexample.test", "example.test", "notexample.test.example.test"),
        ("*", "example.test", "*.example.test"),
        ("1", "2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa"),
        ("0/25", "2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"),
    ],
)
def test_names_in_a_zone(owner: str, zone: str, name: str) -> None:
    assert name_in_zone(owner, zone) == name


@pytest.mark.parametrize("owner", ["www.example.org.", "@.", "a..b", ""])
def test_names_that_are_in_no_such_zone(owner: str) -> None:
    with pytest.raises(InvalidName):
        name_in_zone(owner, "example.test")
