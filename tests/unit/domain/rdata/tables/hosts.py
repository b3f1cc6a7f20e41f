"""HINFO, RP, AFSDB."""

from tests.unit.domain.rdata.cases import Bad, Good

GOOD: Good = {
    "HINFO": [
        '"PC-Intel-700mhz" "Redhat Linux 7.1"',
        '"" ""',
        '"RFC8482" ""',
        ("INTEL-386 UNIX", '"INTEL-386" "UNIX"'),
        ('VAX-11/780 "UNIX V"', '"VAX-11/780" "UNIX V"'),
        (r'"a\"b" "c\\d"', r'"a\"b" "c\\d"'),
        (r"a\ b c\;d", '"a b" "c;d"'),
        (r'"\000" "\255"', r'"\000" "\255"'),
        ('"ü" "x"', r'"\195\188" "x"'),
        (f'"{"a" * 255}" "b"', f'"{"a" * 255}" "b"'),
        ('("a"\n"b")', '"a" "b"'),
    ],
    "RP": [
        "louie.trantor.umd.edu. lam1.people.umd.edu.",  # RFC 1183 2.2
        ". .",
        "admin.example.test. .",
        ("Admin.Example.test Text.Example.test", "admin.example.test. text.example.test."),
        ("admin.example.test", "admin.example.test. ."),
        ("admin@example.test", "admin.example.test. ."),
        ("john.doe@example.test text.example.test", r"john\046doe.example.test. text.example.test."),
        ("john+tag@example.test .", r"john\043tag.example.test. ."),
        (r"john\.doe.example.test .", r"john\046doe.example.test. ."),
        ("admin@example .", "admin.example. ."),
        ("admin@müller.test .", "admin.xn--mller-kva.test. ."),
    ],
    "AFSDB": [
        "1 afs.example.test.",
        "2 dce.example.test.",
        "65535 x.example.test.",
        ("1 AFS.Example.test", "1 afs.example.test."),
    ],
}
BAD: Bad = {
    "HINFO": [
        ("", "rdata_invalid"),
        ("INTEL-386", "rdata_invalid"),
        ('"a" "b" "c"', "rdata_invalid"),
        ("a b c", "rdata_invalid"),
        ('"a" "b', "rdata_invalid"),
        ('"a" b"c', "rdata_invalid"),
        ('"a""b" "c"', "rdata_invalid"),
        (f'"{"a" * 256}" "b"', "text_too_long"),
        (f'"{"ü" * 128}" "b"', "text_too_long"),
        (r'"\256" "b"', "text_invalid"),
        ('"a" "\ud800"', "text_invalid"),
        ('"a" ; b', "rdata_invalid"),
    ],
    "RP": [
        ("", "rdata_invalid"),
        ("admin", "target_not_fqdn"),
        ("admin.example.test text", "target_not_fqdn"),
        ("admin@", "target_invalid"),
        ("@example.test", "target_invalid"),
        ("a@b@example.test .", "target_invalid"),
        (f"{'a' * 64}@example.test .", "target_invalid"),
        ("admin.example.test . .", "rdata_invalid"),
        ("mailto:admin@example.test .", "target_invalid"),
        ("192.0.2.1 .", "target_is_ip"),
    ],
    "AFSDB": [
        ("", "rdata_invalid"),
        ("afs.example.test", "number_invalid"),
        ("1", "rdata_invalid"),
        ("0 afs.example.test", "number_invalid"),
        ("65536 afs.example.test", "number_invalid"),
        ("1 afs", "target_not_fqdn"),
        ("1 _afs.example.test", "target_invalid"),
        ("1 .", "target_invalid"),
        ("1 192.0.2.1", "target_is_ip"),
        ("1 afs.example.test x", "rdata_invalid"),
    ],
}
