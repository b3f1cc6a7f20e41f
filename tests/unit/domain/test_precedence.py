"""Which changes must stay behind others, whoever has asked for them."""

import pytest

from app.domain.change import Change
from app.domain.precedence import LeftBehind, ties
from tests.support.builders import change

WWW = change("create", "www", "A", "192.0.2.1")
BELOW = change("create", "x.sub", "A", "192.0.2.1")
DNAME = change("create", "sub", "DNAME", "elsewhere.test.")
MX = change("create", "@", "MX", "10 www.example.test.")
NO_MX = change("delete", "@", "MX")

CASES = [
    (WWW, WWW, True),
    (WWW, change("delete", "www", "TXT"), True),
    (WWW, change("create", "ww", "A", "192.0.2.1"), False),
    (WWW, change("create", "a.www", "A", "192.0.2.1"), False),
    (WWW, MX, True),
    (WWW, NO_MX, False),
    (MX, WWW, False),
    (DNAME, BELOW, True),
    (BELOW, DNAME, True),
    (change("create", "sub", "NS", "ns.elsewhere.test."), BELOW, False),
    (change("create", "xsub", "A", "192.0.2.1"), DNAME, False),
]


@pytest.mark.parametrize(("earlier", "later", "held"), CASES)
def test_table(earlier: Change, later: Change, held: bool) -> None:
    left = LeftBehind()
    assert not left.hold(later)
    left.add(earlier)
    assert left.hold(later) is held


def test_the_apex_ties_no_other_name() -> None:
    assert {tie.name for tie in ties(BELOW)} == {"x.sub.example.test", "sub.example.test"}
    assert {tie.name for tie in ties(MX)} == {"example.test", "www.example.test"}
