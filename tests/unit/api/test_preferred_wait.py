"""How long a client would wait for a final answer: `Prefer: wait=N` (RFC 7240)."""

import pytest

from app.api.preferences import preferred_wait


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ([], None),
        (["wait=10"], 10),
        (["Wait = 10"], 10),
        (['wait="10"'], 10),
        (["wait=010"], 10),
        (["respond-async, wait=10"], 10),
        (["respond-async", "wait=10"], 10),
        (["wait=10; because=slow"], 10),
        (['because="wait=5, wait=6", wait=7'], 7),
        (["wait=3, wait=4"], 3),  # only the first one counts
        (["wait=abc, wait=4"], None),
        (["wait=60"], 60),
        (["wait=61"], 60),
        (["wait=" + "9" * 900], 60),
        (["wait=0"], None),
        (["wait=-1"], None),
        (["wait=1.5"], None),
        (["wait"], None),
        (["wait="], None),
        (["waiting=5"], None),
        (["return=minimal"], None),
        (['"', "wait=5"], 5),
        (["\xff\xfe=\x00"], None),
        ([",;=" * 500 + ", wait=5"], None),  # behind what is looked at
    ],
)
def test_what_can_be_read_counts(given: list[str], seconds: int | None) -> None:
    headers = [(b"prefer", value.encode("latin-1")) for value in given]
    assert preferred_wait({"headers": [(b"host", b"x"), *headers]}) == seconds
