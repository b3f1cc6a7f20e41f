"""Types: by name, by number, and those that are refused."""

from tests.unit.domain.rdata.cases import Bad, Good

GOOD: Good = {
    "TYPE65280": [
        r"\# 4 0a000001",  # RFC 3597 5
        r"\# 0",
        r"\# 1 00",
        (r"\# 4 0A000001", r"\# 4 0a000001"),
        (r"\# 4 0a 00 00 01", r"\# 4 0a000001"),
        ("\\#\t4 \t0a000001", r"\# 4 0a000001"),
        (r"\# 4 (0a000001)", r"\# 4 0a000001"),
        (" \\# 1 00", r"\# 1 00"),
        (r"\# 04 0a000001", r"\# 4 0a000001"),
        (r"\# 300 " + "ab" * 300, r"\# 300 " + "ab" * 300),
    ],
    "TYPE731": [(r"\# 6 abcd ( ef 01 23 45 )", r"\# 6 abcdef012345")],  # RFC 3597 5
    "TYPE11": [r"\# 5 c000020106"],  # WKS, which dnspython would show by its fields
    "TYPE45": [r"\# 3 0a0000", r"\# 4 0a000201", r"\# 8 0a0102c000020101"],  # IPSECKEY
    "TYPE55": [r"\# 6 01020001aabb"],  # HIP
    "TYPE14": [r"\# 4 01610000"],  # MINFO
    "type45": [r"\# 4 01000201"],
    "TYPE1": ["192.0.2.1"],
    "type16": [("v=spf1 -all", '"v=spf1 -all"')],
    "TYPE65": [("1 . alpn=h2", '1 . alpn="h2"')],
    "https": ["0 a.example.test."],
}
BAD: Bad = {
    "TYPE65280": [
        (written, "generic_invalid")
        for written in (
            "",
            "#",
            r"\#",
            r"\# ",
            r"\# 4",
            r"\# 4 0a0000",
            r"\# 4 0a000001 00",
            r"\# 4 0a00000",
            r"\# 4 0a00000g",
            r"\# -1 00",
            r"\# x 00",
            r"\# 0 00",
            r"\# 999999 00",
            r"\#4 0a000001",
            r"# 4 0a000001",
            r"\# 4 0a000001 ; comment",
            r"\# 4 0x0a000001",
            "0a000001",
            "10.0.0.1",
            r"\# 1 00" + " " * 100_000 + "x",
            r"\# 1 " + "0 " * 100_000,
        )
    ],
    "TYPE32769": [(r"\# 4 00000000", "rdata_invalid")],  # of which the roles, too, know the form
    "TYPE27": [(r"\# 1 05", "rdata_invalid")],
    "TYPE45": [(r"\# 3 0a0002", "rdata_invalid"), (r"\# 7 0a0102c0000201", "rdata_invalid")],  # no key
    "TYPE55": [(r"\# 4 00000000", "rdata_invalid"), (r"\# 5 00020001aa", "rdata_invalid")],
    "TYPE14": [(r"\# 4 0000c000", "rdata_invalid"), (r"\# 3 016100", "rdata_invalid")],
    "TYPE25": [(r"\# 4 00000305", "rdata_invalid"), (r"\# 5 c000030501", "rdata_invalid")],
    "TYPE31": [(r"\# 0", "rdata_invalid")],
    "TYPE66": [(r"\# 1 05", "rdata_invalid")],
    "CNAME": [(r"\# 1 05", "rdata_invalid")],
}
