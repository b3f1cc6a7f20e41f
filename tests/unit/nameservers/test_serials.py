"""Which of two serials comes after the other (RFC 1982), and replies that can't be read."""

import struct

import pytest

from app.nameservers.serials import is_newer, read_serial


def test_serials_wrap_around() -> None:
    assert is_newer(2, 1)
    assert is_newer(0, 2**32 - 1)
    assert not is_newer(1, 2)
    assert not is_newer(1, 1)
    assert not is_newer(2**31, 0)  # which of these comes after the other is undefined


@pytest.mark.parametrize(
    "records", [b"", b"\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x01\x00\xff", b"\xc0\x0c" * 9]
)
def test_a_reply_that_is_cut_off_has_no_serial(records: bytes) -> None:
    question = b"\x01a\x00\x00\x06\x00\x01"
    head = struct.pack("!HHHHHH", 1, 0x8400, 1, 1, 0, 0)
    with pytest.raises((struct.error, ValueError)):
        read_serial(head + question + records, question)
