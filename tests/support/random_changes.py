"""Random changes of a few RRsets, so that many meet: strategies of Hypothesis."""

from collections.abc import Mapping, Sequence
from functools import cache

from hypothesis import strategies as st

from tests.support.zone_model import Asked, Key

SINGLE = ("CNAME", "DNAME")  # types of which a name has one value
VALUES: Mapping[str, Sequence[str]] = {
    "A": ["192.0.2.1", "192.0.2.2", "192.0.2.3"],
    "AAAA": ["2001:db8::1", "2001:db8::2"],
    "TXT": ["ab", '"a" "b"', "c"],  # the first two mean the same
    "MX": ["10 a.example.org.", "20 a.example.org.", "0 ."],
    "SRV": ["1 2 3 a.example.org.", "4 5 6 b.example.org."],
    "CNAME": ["a.example.org.", "b.example.org."],
    "NS": ["ns1.example.org.", "ns2.example.org."],
    "DNAME": ["a.example.org.", "b.example.org."],
}


@cache  # to make a strategy takes longer than to draw from it
def asked(key: Key) -> st.SearchStrategy[Asked]:
    """Changes of an RRset that are accepted; what they do depends on what is there."""
    adds, deletes = ["create", "create", "update", "upsert"], ["delete"]
    apex_ns = key == ("@", "NS")
    both = _asked(key, adds, least=1), _asked(key, deletes, least=1 if apex_ns else 0)
    return st.sampled_from([both[0], both[0], both[1]]).flatmap(lambda chosen: chosen)


def _asked(key: Key, actions: Sequence[str], least: int) -> st.SearchStrategy[Asked]:
    most = 1 if key.type in SINGLE else 2
    chosen = st.lists(st.sampled_from(VALUES[key.type]), min_size=least, max_size=most, unique=True)
    return st.builds(
        Asked,
        st.sampled_from(actions),
        st.just(key.owner),
        st.just(key.type),
        chosen.map(lambda values: ("0 .",) if "0 ." in values else tuple(values)),  # a null MX stands alone
        st.sampled_from([300, 300, 60]),
        st.none(),
    )
