"""Bytes as they come from a pipe: cut into lines, or kept up to a limit."""

from collections.abc import Callable

MAX_LINE = 256 * 1024  # bytes; a longer line is dropped


class Lines:
    """Calls back for every whole line, without its end."""

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
    """Keeps the last bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self._cut = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._kept += data
        if len(self._kept) > self._limit:
            del self._kept[: -self._limit]
            self._cut = True

    def text(self) -> str:
        """Return what is kept, with a mark where more stood before it."""
        text = self._kept.decode("utf-8", "replace")
        return f"…{text}" if self._cut else text
