"""Bytes from a pipe, in lines or in part; secrets by value."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runner.ansible.redaction import Redactor, redactor
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


def test_longer_secrets_go_first() -> None:
    assert Redactor(["secret", "secret-and-more", ""]).clean("secret-and-more secret") == "******** ********"


def test_secrets_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tsig.key"
    path.write_text(
        'key "a" { algorithm hmac-sha256; secret "c2VjcmV0MQ=="; };\nkey b { secret c2VjcmV0Mg==; };'
    )
    monkeypatch.setenv("API_TOKEN", "token-value")
    monkeypatch.setenv("SHORT", "on")
    hide = redactor({"dns_tsig_key_file": str(path)}, ["API_TOKEN", "SHORT", "UNSET"])
    assert hide.clean("c2VjcmV0MQ== c2VjcmV0Mg== token-value on") == "******** ******** ******** on"


@pytest.mark.parametrize("path", [None, "", 7, "/no/such/file", "{{ lookup('env', 'X') }}"])
def test_a_key_file_that_is_not_there_hides_nothing(path: object) -> None:
    assert redactor({"dns_tsig_key_file": path}, []).clean("as it is") == "as it is"
