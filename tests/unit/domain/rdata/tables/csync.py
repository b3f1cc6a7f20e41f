"""CSYNC: RFC 7477."""

from tests.unit.domain.rdata.cases import Bad, Good

GOOD: Good = {
    "CSYNC": [
        "66 3 A NS AAAA",  # RFC 7477 2.1.3
        "0 0",
        "4294967295 1 NS",
        "1 2 A TYPE65280",
        ("66 3 NS A AAAA", "66 3 A NS AAAA"),
        ("66 3 ns ns a", "66 3 A NS"),
        ("66 3 TYPE1 TYPE2", "66 3 A NS"),
        ("(66\n3 A)", "66 3 A"),
        "1 0 DNSKEY CDS CAA",
        "1 0 " + " ".join(f"TYPE{number}" for number in range(300, 400)),
    ],
}
BAD: Bad = {
    "CSYNC": [
        ("", "rdata_invalid"),
        ("66", "rdata_invalid"),
        ("4294967296 3 A", "number_invalid"),
        ("-1 3 A", "number_invalid"),
        ("99999999999 3 A", "number_invalid"),
        ("66 4 A", "number_invalid"),
        ("66 A NS", "number_invalid"),
        ("66 3 X", "type_unknown"),
        ("66 3 A,NS", "type_unknown"),
        ("66 3 ANY", "type_unknown"),
        ("66 3 AXFR", "type_unknown"),
        ("66 3 OPT", "type_unknown"),
        ("66 3 TYPE0", "type_unknown"),
        ("66 3 TYPE65536", "type_unknown"),
        ("66 3 TYPE" + "9" * 5000, "type_unknown"),
        ("66 3 A ; NS", "rdata_invalid"),
        ("1 3 " + " ".join(f"TYPE{number}" for number in range(300, 27_000)), "too_many_parts"),
    ],
}
