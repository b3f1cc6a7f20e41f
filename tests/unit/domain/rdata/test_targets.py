"""CNAME, DNAME, NS, PTR: names as targets."""

import pytest

from app.domain.errors import InvalidRdata
from app.domain.rdata import RecordType, canonical
from tests.unit.domain.rdata.cases import Bad, Case, Good, Rows, accept, cases, name, refusal

LABEL_63 = "a" * 63
NAME_253 = ".".join([LABEL_63, LABEL_63, LABEL_63, "b" * 61])
ANY_NAME: Rows = [
    "www.example.test.",
    ("www.example.test", "www.example.test."),
    ("WWW.EXAMPLE.TEST.", "www.example.test."),
    ("_sip._tcp.example.test", "_sip._tcp.example.test."),
    ("a_b.example.test", "a_b.example.test."),
    ("-a-.example.test", "-a-.example.test."),
    ("r3---sn.example.test", "r3---sn.example.test."),
    ("*.example.test", "*.example.test."),
    (".", "."),
    ("1.0/25.2.0.192.in-addr.arpa", "1.0/25.2.0.192.in-addr.arpa."),
    ("10.2.0.192.in-addr.arpa", "10.2.0.192.in-addr.arpa."),
    ("1-25.2.0.192.in-addr.arpa", "1-25.2.0.192.in-addr.arpa."),
    (r"john\.doe.example.test", r"john\046doe.example.test."),
    (r"john\046doe.example.test.", r"john\046doe.example.test."),
    (r"a\\b.example.test", r"a\092b.example.test."),
    (r"a\"b.example.test", r"a\034b.example.test."),
    (r"a\@b\;c\(d\).example.test", r"a\064b\059c\040d\041.example.test."),
    (r"\065\066c.example.test", "abc.example.test."),
    (r"a\032b.example.test", r"a\032b.example.test."),
    (r"a\ b.example.test", r"a\032b.example.test."),
    (r"\255\128.example.test", r"\255\128.example.test."),
    ("My Printer._ipp._tcp.example.test", r"my\032printer._ipp._tcp.example.test."),
    ("Büro [2]._ipp._tcp.example.test", r"b\195\188ro\032\0912\093._ipp._tcp.example.test."),
    (r"Dr\. No._http._tcp.example.test", r"dr\046\032no._http._tcp.example.test."),
    ("müller.example.test", "xn--mller-kva.example.test."),
    ("xn--mller-kva.example.test", "xn--mller-kva.example.test."),
    ("例え.テスト", "xn--r8jz45g.xn--zckzah."),
    ("www。example。test", "www.example.test."),
    (f"{LABEL_63}.test", f"{LABEL_63}.test."),
    (NAME_253, f"{NAME_253}."),
    (f"{NAME_253}.", f"{NAME_253}."),
    (rf"\.{'a' * 62}.test", rf"\046{'a' * 62}.test."),
    ("123.example.test", "123.example.test."),
    ("1.2.3.4.example.test", "1.2.3.4.example.test."),
]
HOST: Rows = [
    "ns1.example.test.",
    ("ns1.example.test", "ns1.example.test."),
    ("NS1.Example.Test", "ns1.example.test."),
    ("1.example.test", "1.example.test."),
    ("a-b--c.example.test", "a-b--c.example.test."),
    ("3com.test", "3com.test."),
    ("müller.example.test", "xn--mller-kva.example.test."),
    ("xn--ls8h.test", "xn--ls8h.test."),
    (f"{LABEL_63}.test", f"{LABEL_63}.test."),
    (NAME_253, f"{NAME_253}."),
    (r"n\115.example.test", "ns.example.test."),
]
NO_NAME = [
    ("", "target_invalid"),
    (" ", "target_invalid"),
    ("..", "target_invalid"),
    (".example.test", "target_invalid"),
    ("www..example.test", "target_invalid"),
    ("www.example.test..", "target_invalid"),
    ("www", "target_not_fqdn"),
    ("www.", "target_not_fqdn"),
    ("@", "target_invalid"),
    ("*", "target_not_fqdn"),
    ("a*.example.test", "target_invalid"),
    ("www.*.example.test", "target_invalid"),
    ("192.0.2.1", "target_is_ip"),
    ("192.0.2.1.", "target_is_ip"),
    ("192.0.2", "target_is_ip"),
    ("2001:db8::1", "target_is_ip"),
    ("::ffff:192.0.2.1", "target_is_ip"),
    ("http://www.example.test", "target_is_url"),
    ("https://www.example.test/path", "target_is_url"),
    ("www.example.test/path", "target_invalid"),
    ("www.example.test:443", "target_invalid"),
    ("user@example.test", "target_invalid"),
    ("www.example.test www2.example.test", "target_invalid"),
    ("www.example.test,www2.example.test", "target_invalid"),
    (" www.example.test", "target_invalid"),
    ("www.example.test\n", "target_invalid"),
    ("www.example.test\0", "target_invalid"),
    ("www.example.test ; comment", "target_invalid"),
    ('"www.example.test"', "target_invalid"),
    ("(www.example.test)", "target_invalid"),
    ("$www.example.test", "target_invalid"),
    ("www.exam ple.test", "target_invalid"),
    ("www\u200b.\u202eexample.test", "target_invalid"),
    ("\ud800.example.test", "target_invalid"),
    ("xn--a.example.test", "target_invalid"),
    ("💩.example.test", "target_invalid"),
    (r"a\.example.test\ ".strip(), "target_invalid"),
    (r"a\25.example.test", "target_invalid"),
    (r"a\256.example.test", "target_invalid"),
    (r"a\000.example.test", "target_invalid"),
    (r"a\010.example.test", "target_invalid"),
    (f"{'a' * 64}.test", "target_invalid"),
    (f"{'ü' * 60}.test", "target_invalid"),
    (rf"\.{'a' * 63}.test", "target_invalid"),
    (f"c{NAME_253}", "target_invalid"),
    (f"c.{NAME_253}", "target_invalid"),
    ("a" * 200_000, "target_invalid"),
    ("a." * 100_000, "target_invalid"),
    ("\\." * 100_000, "target_invalid"),
    (r"\# 3 016100", "target_not_fqdn"),
    (r"\# 2 0561", "rdata_invalid"),
]
NO_HOST = [
    (".", "target_invalid"),
    ("_ns.example.test", "target_invalid"),
    ("ns_1.example.test", "target_invalid"),
    ("-ns.example.test", "target_invalid"),
    ("ns-.example.test", "target_invalid"),
    ("*.example.test", "target_invalid"),
    (r"a\.b.example.test", "target_invalid"),
    (r"a\032b.example.test", "target_invalid"),
    ("1.0/25.2.0.192.in-addr.arpa", "target_invalid"),
    ("My Server._http._tcp.example.test", "target_invalid"),
]
GOOD: Good = {"CNAME": ANY_NAME, "DNAME": ANY_NAME, "PTR": ANY_NAME, "NS": HOST}
BAD: Bad = {"CNAME": NO_NAME, "DNAME": NO_NAME, "PTR": NO_NAME, "NS": [*NO_NAME, *NO_HOST]}


@pytest.mark.parametrize("case", cases(GOOD), ids=name)
def test_accepted(case: Case) -> None:
    accept(case)


@pytest.mark.parametrize("case", cases(BAD), ids=name)
def test_refused(case: Case) -> None:
    assert refusal(case.type, case.written) == case.expected


@pytest.mark.parametrize(
    ("record_type", "written", "words"),
    [
        ("CNAME", "www", r"write www\.example\.test\."),
        ("CNAME", "https://user@www.example.test:443/path", r"write www\.example\.test$"),
        ("NS", "192.0.2.1", r"such as host\.example\.test"),
        ("NS", "_ns.example.test", r"as in host\.example\.test"),
        ("PTR", "my printer.example.test", r"in a name it is \\032"),
    ],
)
def test_a_refusal_names_a_spelling_that_works(record_type: str, written: str, words: str) -> None:
    with pytest.raises(InvalidRdata, match=words):
        canonical(RecordType(record_type), written)
