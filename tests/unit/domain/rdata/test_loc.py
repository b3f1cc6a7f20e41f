"""LOC: RFC 1876."""

import pytest

from tests.unit.domain.rdata.cases import Bad, Case, Good, accept, cases, name, refusal

SIZES = "1.00m 10000.00m 10.00m"
GOOD: Good = {
    "LOC": [
        "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m",  # RFC 1876 4
        "52 14 5.000 N 0 8 50.000 E 10.00m",
        ("42 21 54 N 71 06 18 W -24m 30m", "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m"),
        (
            "42 21 43.952 N 71 5 6.344 W -24m 1m 200m",
            "42 21 43.952 N 71 5 6.344 W -24.00m 1.00m 200.00m 10.00m",
        ),
        ("52 14 05 N 00 08 50 E 10m", "52 14 5.000 N 0 8 50.000 E 10.00m"),
        ("32 7 19 S 116 2 25 E 10m", "32 7 19.000 S 116 2 25.000 E 10.00m"),
        ("42 N 71 W 0", "42 0 0.000 N 71 0 0.000 W 0.00m"),
        ("42 21 N 71 6 W 0", "42 21 0.000 N 71 6 0.000 W 0.00m"),
        ("42 n 71 w 0M", "42 0 0.000 N 71 0 0.000 W 0.00m"),
        ("90 S 180 E 0", "90 0 0.000 S 180 0 0.000 E 0.00m"),
        ("89 59 59.999 N 179 59 59.999 W 0", "89 59 59.999 N 179 59 59.999 W 0.00m"),
        ("0 S 0 W 0", "0 0 0.000 N 0 0 0.000 E 0.00m"),
        ("1 N 1 E -100000m", "1 0 0.000 N 1 0 0.000 E -100000.00m"),
        ("1 N 1 E 42849672.95m", "1 0 0.000 N 1 0 0.000 E 42849672.95m"),
        ("1 N 1 E 0.29", "1 0 0.000 N 1 0 0.000 E 0.29m"),
        ("1 N 1 E 1.15m", "1 0 0.000 N 1 0 0.000 E 1.15m"),
        ("1 N 1 E -0.57m", "1 0 0.000 N 1 0 0.000 E -0.57m"),
        (f"1 N 1 E 0m {SIZES}", "1 0 0.000 N 1 0 0.000 E 0.00m"),
        ("1 N 1 E 0m 0m 0m 0m", "1 0 0.000 N 1 0 0.000 E 0.00m 0.00m 0.00m 0.00m"),
        ("1 N 1 E 0m 0.01m 0.09m 0.1m", "1 0 0.000 N 1 0 0.000 E 0.00m 0.01m 0.09m 0.10m"),
        ("1 N 1 E 0m 12m 345m 6789m", "1 0 0.000 N 1 0 0.000 E 0.00m 10.00m 300.00m 6000.00m"),
        ("1 N 1 E 0m 90000000m", "1 0 0.000 N 1 0 0.000 E 0.00m 90000000.00m 10000.00m 10.00m"),
        ("1 2 3.4 N 1 2 3.45 E 0", "1 2 3.400 N 1 2 3.450 E 0.00m"),
        ("(1 N\n1 E 0)", "1 0 0.000 N 1 0 0.000 E 0.00m"),
    ],
}
BAD: Bad = {
    "LOC": [
        ("", "rdata_invalid"),
        ("42", "rdata_invalid"),
        ("42 N", "rdata_invalid"),
        ("42 N 71", "rdata_invalid"),
        ("42 N 71 W", "rdata_invalid"),
        ("91 N 71 W 0", "number_invalid"),
        ("90 0 0.001 N 71 W 0", "number_invalid"),
        ("90 1 N 71 W 0", "number_invalid"),
        ("42 N 181 W 0", "number_invalid"),
        ("42 N 180 1 W 0", "number_invalid"),
        ("-42 N 71 W 0", "number_invalid"),
        ("42.5 N 71 W 0", "number_invalid"),
        ("42 60 N 71 W 0", "number_invalid"),
        ("42 0 60 N 71 W 0", "number_invalid"),
        ("42 0 1.2345 N 71 W 0", "number_invalid"),
        ("42 0 1. N 71 W 0", "number_invalid"),
        ("42 0 .5 N 71 W 0", "number_invalid"),
        ("42 0 0 0 N 71 W 0", "number_invalid"),
        ("42 E 71 N 0", "number_invalid"),
        ("42 X 71 W 0", "number_invalid"),
        ("42 N 71 N 0", "number_invalid"),
        ("42 N 71 W -100000.01m", "number_invalid"),
        ("42 N 71 W 42849672.96m", "number_invalid"),
        ("42 N 71 W high", "number_invalid"),
        ("42 N 71 W 1e3", "number_invalid"),
        ("42 N 71 W 1.234m", "number_invalid"),
        ("42 N 71 W 0km", "number_invalid"),
        ("42 N 71 W 0m -1m", "number_invalid"),
        ("42 N 71 W 0m 90000000.01m", "number_invalid"),
        ("42 N 71 W 0m 1m 1m 1m 1m", "rdata_invalid"),
        ("42 N 71 W nan", "number_invalid"),
        ("42 N 71 W " + "9" * 5000, "number_invalid"),
        ("52.5200 13.4050", "number_invalid"),
        ("42 N 71 W 0m ; here", "rdata_invalid"),
    ],
}


@pytest.mark.parametrize("case", cases(GOOD), ids=name)
def test_accepted(case: Case) -> None:
    accept(case)


@pytest.mark.parametrize("case", cases(BAD), ids=name)
def test_refused(case: Case) -> None:
    assert refusal(case.type, case.written) == case.expected
