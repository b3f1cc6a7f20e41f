"""CNAME, DNAME, NS, PTR: names as targets."""

import pytest

from app.domain.errors import InvalidRdata
from app.domain.rdata import RecordType, canonical


@pytest.mark.parametrize(
    ("record_type", "written", "words"),
    [
        ("CNAME", "www", r"write www\.example\.test\."),
        ("CNAME", "https://user@www.example.test:443/path", r"write www\.example\.test$"),
        ("NS", "192.0.2.1", r"such as host\.example\.test"),
        ("NS", "_ns.example.test", r"as in host\.example\.test"),
        ("PTR", "my printer.example.test", r"in a name it is \\032"),
    ],
)
def test_a_refusal_names_a_spelling_that_works(record_type: str, written: str, words: str) -> None:
    with pytest.raises(InvalidRdata, match=words):
        canonical(RecordType(record_type), written)
