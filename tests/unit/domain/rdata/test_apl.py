"""APL: RFC 3123."""

import pytest

from tests.unit.domain.rdata.cases import Bad, Case, Good, accept, cases, name, refusal

GOOD: Good = {
    "APL": [
        "1:192.168.32.0/21 !1:192.168.38.0/28",  # RFC 3123 8
        "1:192.168.42.0/26 1:192.168.42.64/26 !1:192.168.42.128/25",
        "1:127.0.0.1/32 1:172.16.64.0/22",
        "1:224.0.0.0/4 2:ff00::/8",
        "1:0.0.0.0/0",
        "2:::/0",
        "2:::/128",
        "!2:2001:db8::/32",
        ("2:2001:DB8:0::/48", "2:2001:db8::/48"),
        ("( 1:10.0.0.0/8\n 2:::1/128 )", "1:10.0.0.0/8 2:::1/128"),
        "2:::ffff:192.0.2.0/120",
        (r"\# 7 0001180 3c00002".replace(" 3", "3"), "1:192.0.2.0/24"),
    ],
}
BAD: Bad = {
    "APL": [
        (written, "prefix_invalid")
        for written in (
            "",
            "192.0.2.0/24",
            "1:192.0.2.0",
            "1:192.0.2.0/33",
            "1:192.0.2.0/-1",
            "1:192.0.2/24",
            "1:192.0.2.1/24",
            "1:192.0.02.0/24",
            "1:2001:db8::/32",
            "2:192.0.2.0/24",
            "2:2001:db8::/129",
            "2:2001:db8::1/32",
            "3:00/8",
            "0:192.0.2.0/24",
            "!!1:192.0.2.0/24",
            "1:!192.0.2.0/24",
            "1:192.0.2.0/255.255.255.0",
            "1:192.0.2.0/24,1:198.51.100.0/24",
            "1:192.0.2.0/24 x",
            "1:a/8",
        )
    ]
    + [("1:192.0.2.0/24 ; x", "rdata_invalid"), ("1:192.0.2.0/24 (", "rdata_invalid")],
}


@pytest.mark.parametrize("case", cases(GOOD), ids=name)
def test_accepted(case: Case) -> None:
    accept(case)


@pytest.mark.parametrize("case", cases(BAD), ids=name)
def test_refused(case: Case) -> None:
    assert refusal(case.type, case.written) == case.expected
