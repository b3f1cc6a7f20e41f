"""Bytes from a pipe, in lines or in part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runner.process import stream
from app.runner.process.stream import Lines, Tail


@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b""))), st.integers(1, 7))
def test_lines_come_whole_however_they_are_cut(lines: list[bytes], width: int) -> None:
    data = b"".join(line + b"\n" for line in lines)
    seen: list[bytes] = []
    reader = Lines(seen.append)
    for start in range(0, len(data), width):
        reader.feed(data[start : start + width])
    assert seen == lines


def test_a_line_without_end_is_dropped_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_LINE", 10)
    seen: list[bytes] = []
    reader = Lines(seen.append)
    for data in (b"x" * 11, b"x" * 11, b"xx\nnext\n"):
        reader.feed(data)
    assert seen == [b"next"]


def test_the_tail_keeps_the_end() -> None:
    tail = Tail(4)
    tail.feed(b"ab")
    assert tail.text() == "ab"
    tail.feed(b"cdefg\xff")
    assert tail.text() == "…efg\N{REPLACEMENT CHARACTER}"
