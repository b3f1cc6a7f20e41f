"""NID, L32, L64, LP, EUI48, EUI64."""

from tests.unit.domain.rdata.cases import Bad, Good, Rows

GROUPS: Rows = [
    "10 0014:4fff:ff20:ee64",  # RFC 6742 2.1.3
    "65535 ffff:ffff:ffff:ffff",
    "0 0000:0000:0000:0000",
    ("14:4fff:ff20:ee64", "10 0014:4fff:ff20:ee64"),
    ("10\t2001:DB8:1140:1000", "10 2001:0db8:1140:1000"),
    ("010 0:0:0:1", "10 0000:0000:0000:0001"),
    (r"\# 10 000a00144fffff20ee64", "10 0014:4fff:ff20:ee64"),
]
NO_GROUPS = [
    ("", "locator_invalid"),
    ("10", "locator_invalid"),
    ("10 ", "locator_invalid"),
    ("10 0014:4fff:ff20", "locator_invalid"),
    ("10 0014:4fff:ff20:ee64:0", "locator_invalid"),
    ("10 00014:4fff:ff20:ee64", "locator_invalid"),
    ("10 14:4fff::ee64", "locator_invalid"),
    ("10 g:4fff:ff20:ee64", "locator_invalid"),
    ("10 0014-4fff-ff20-ee64", "locator_invalid"),
    ("10 192.0.2.1", "locator_invalid"),
    ("65536 0014:4fff:ff20:ee64", "priority_invalid"),
    ("-1 0014:4fff:ff20:ee64", "priority_invalid"),
    ("x 0014:4fff:ff20:ee64", "priority_invalid"),
    ("10 0014:4fff:ff20:ee64 x", "rdata_invalid"),
    (r"\# 9 000a00144fffff20ee", "rdata_invalid"),
]
GOOD: Good = {
    "NID": GROUPS,
    "L64": GROUPS,
    "L32": ["10 10.1.2.0", "0 0.0.0.0", "65535 255.255.255.255", ("198.51.100.0", "10 198.51.100.0")],
    "LP": [
        "10 l64-subnet1.example.test.",
        ("L32.Example.test", "10 l32.example.test."),
        ("20 _x.example.test", "20 _x.example.test."),
    ],
    "EUI48": [
        "00-00-5e-00-53-2a",  # RFC 7043 3.3
        ("00-00-5E-00-53-2A", "00-00-5e-00-53-2a"),
        ("00:00:5e:00:53:2a", "00-00-5e-00-53-2a"),
        ("00005e00532a", "00-00-5e-00-53-2a"),
        ("00-00-5e-00-53-2a ", "00-00-5e-00-53-2a"),
        "ff-ff-ff-ff-ff-ff",
        (r"\# 6 00005e00532a", "00-00-5e-00-53-2a"),
    ],
    "EUI64": [
        "00-00-5e-ef-10-00-00-2a",  # RFC 7043 4.3
        ("00:00:5E:EF:10:00:00:2A", "00-00-5e-ef-10-00-00-2a"),
        ("00005eef1000002a", "00-00-5e-ef-10-00-00-2a"),
    ],
}
BAD: Bad = {
    "NID": NO_GROUPS,
    "L64": NO_GROUPS,
    "L32": [
        ("", "ipv4_invalid"),
        ("10", "ipv4_invalid"),
        ("10 10.1.2", "ipv4_invalid"),
        ("10 10.1.02.0", "ipv4_invalid"),
        ("10 2001:db8::1", "ipv4_invalid"),
        ("65536 10.1.2.0", "priority_invalid"),
        ("10 10.1.2.0 x", "rdata_invalid"),
    ],
    "LP": [
        ("", "target_invalid"),
        ("10 l64", "target_not_fqdn"),
        ("10 192.0.2.1", "target_is_ip"),
        ("65536 l64.example.test", "priority_invalid"),
        ("10 20 l64.example.test", "rdata_invalid"),
    ],
    "EUI48": [
        ("", "eui_invalid"),
        ("00-00-5e-00-53", "eui_invalid"),
        ("00-00-5e-00-53-2a-00", "eui_invalid"),
        ("00-00-5e-00-53-2g", "eui_invalid"),
        ("00-00:5e-00-53-2a", "eui_invalid"),
        ("0-0-5e-0-53-2a", "eui_invalid"),
        ("0000.5e00.532a", "eui_invalid"),
        ("00 00 5e 00 53 2a", "eui_invalid"),
        ("00-00-5e-ef-10-00-00-2a", "eui_invalid"),
        ("aa" * 100_000, "eui_invalid"),
    ],
    "EUI64": [
        ("", "eui_invalid"),
        ("00-00-5e-00-53-2a", "eui_invalid"),
        ("00-00-5e-ef-10-00-00-2a-00", "eui_invalid"),
        ("00-00-5e-ef-10-00-00-2x", "eui_invalid"),
    ],
}
