"""URI: RFC 7553."""

from tests.unit.domain.rdata.cases import Bad, Good

GOOD: Good = {
    "URI": [
        '10 1 "ftp://ftp1.example.com/public"',  # RFC 7553 4.6
        '0 0 "mailto:a@example.test"',
        '65535 65535 "urn:isbn:0451450523"',
        '10 1 "https://[2001:db8::1]:8443/a/b?c=d&e=%20#f"',
        '10 1 "tel:+1-201-555-0123"',
        '10 1 "data:,"',
        ("10 1 https://example.test/", '10 1 "https://example.test/"'),
        ("https://example.test/", '10 1 "https://example.test/"'),
        ('"https://example.test/"', '10 1 "https://example.test/"'),
        ("10\t1  HTTPS://Example.test/Path", '10 1 "HTTPS://Example.test/Path"'),
        ("10 1 https://example.test/;a=(b)", '10 1 "https://example.test/;a=(b)"'),
        (r'10 1 "https://example.test/\065"', '10 1 "https://example.test/A"'),
        ('10 1 "https://example.test/' + "a" * 2000 + '"', '10 1 "https://example.test/' + "a" * 2000 + '"'),
    ],
}
BAD: Bad = {
    "URI": [
        ("", "uri_invalid"),
        ('""', "uri_invalid"),
        ('10 1 ""', "uri_invalid"),
        ("10 1 ", "uri_invalid"),
        ("10 1 example.test", "uri_invalid"),
        ("10 1 //example.test/", "uri_invalid"),
        ("10 1 1http://example.test/", "uri_invalid"),
        ("10 1 http:", "uri_invalid"),
        ("10 1 :a", "uri_invalid"),
        ('10 1 "https://example.test/a b"', "rdata_invalid"),
        ("10 1 https://example.test/ü", "uri_invalid"),
        ('10 1 "https://example.test/\\"', "uri_invalid"),
        (r'10 1 "https://example.test/\010"', "uri_invalid"),
        (r'10 1 "https://example.test/\256"', "text_invalid"),
        ("10 1 https://example.test/<a>", "uri_invalid"),
        ("10 1 https://example.test/{a}", "uri_invalid"),
        ("10 https://example.test/", "rdata_invalid"),
        ("10 1 1 https://example.test/", "rdata_invalid"),
        ("65536 1 https://example.test/", "priority_invalid"),
        ("10 65536 https://example.test/", "weight_invalid"),
        ("a 1 https://example.test/", "priority_invalid"),
        ("10 -1 https://example.test/", "weight_invalid"),
        ("10 1 " + "a" * 200_000, "uri_invalid"),
    ],
}
