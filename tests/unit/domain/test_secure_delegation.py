"""Which keys of a zone the DS records above it name."""

import pytest

from app.domain.rdata.dnssec import DELETE_CDNSKEY, DELETE_CDS
from app.domain.secure_delegation import Keys, Mismatch, compare

# RFC 8080 6.1, RFC 6605 6.1 and RFC 4034 5.4: DNSKEY and DS as published
ZONES = {
    "ed25519": (
        "example.com",
        "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
        "3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
    ),
    "p-256": (
        "example.net",
        "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
        "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
    ),
    "sha-1": (
        "dskey.example.com",
        "256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAph"
        "XdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
        "60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118",
    ),
}
ZONE, KEY, DS = ZONES["ed25519"]
TAG = 3613
NONE = Mismatch(set(), set(), is_bogus=False)


@pytest.mark.parametrize(("zone", "key", "ds"), ZONES.values(), ids=ZONES)
def test_a_published_pair_belongs_together(zone: str, key: str, ds: str) -> None:
    tag = int(ds.split(" ")[0])
    assert compare(zone, [ds], Keys([key])) == NONE
    other = compare(f"other.{zone}", [ds], Keys([key]))
    assert (other.without_key, other.is_bogus) == ({tag}, True)


def test_what_lacks_a_ds() -> None:
    assert compare(ZONE, [], Keys([KEY])) == Mismatch(set(), {TAG}, is_bogus=False)
    assert compare(ZONE, [], Keys([KEY.replace("257", "256", 1)])) == NONE
    assert compare(ZONE, [], Keys([KEY.replace("257", "385", 1)])) == NONE
    assert compare(ZONE, [], Keys(cdnskey=[KEY])) == Mismatch(set(), {TAG}, is_bogus=False)
    assert compare(ZONE, [], Keys(cds=[DS])) == Mismatch(set(), {TAG}, is_bogus=False)


def test_one_ds_of_two_is_good() -> None:
    found = compare(ZONE, [DS, "1 8 2 " + "ab" * 32], Keys([KEY]))
    assert found == Mismatch({1}, set(), is_bogus=False)


def test_a_digest_of_an_unknown_type_counts_by_the_tag() -> None:
    assert compare(ZONE, [f"{TAG} 15 77 ab"], Keys([KEY])) == NONE
    assert compare(ZONE, [f"{TAG} 13 77 ab"], Keys([KEY])).is_bogus


@pytest.mark.parametrize("keys", [Keys([KEY], [DELETE_CDNSKEY]), Keys([KEY], (), [DELETE_CDS])])
def test_a_zone_that_asks_for_none(keys: Keys) -> None:
    assert compare(ZONE, [DS], keys) == Mismatch({TAG}, set(), is_bogus=True)
    assert compare(ZONE, [], keys) == NONE
