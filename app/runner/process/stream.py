"""Consumers of the bytes that come from a pipe: one cuts them into lines, one keeps the last of them."""

from collections.abc import Callable

MAX_LINE = 256 * 1024  # bytes; a longer line is dropped


class Lines:
    """Calls `on_line` with every whole line, without its line feed."""

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self._on_line = on_line
        self._rest = b""
        self._dropping = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if not self._dropping:
                self._on_line(line)
            self._dropping = False
        if len(self._rest) > MAX_LINE:
            self._rest, self._dropping = b"", True


class Tail:
    """Keeps the last `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()
        self._is_cut = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._data += data
        if len(self._data) > self._limit:
            del self._data[: -self._limit]
            self._is_cut = True

    def text(self) -> str:
        """Return what is kept, behind an ellipsis if there was more before it."""
        text = self._data.decode("utf-8", "replace")
        return f"…{text}" if self._is_cut else text
