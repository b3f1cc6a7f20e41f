"""Sends the head of an answer together with its body: uvicorn writes one after the other.

Each write is a system call and a packet of its own, and for a small answer the dearest part of it.
"""

import asyncio


class JoinedWrites:
    """What the answers of one connection are written to, in the place of its transport.

    A head that nothing follows at once, as that of a stream of events, is sent in the loop's next turn.
    """

    __slots__ = ("_begun", "_head", "_loop", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._begun = False  # something of the answer was written
        self._head = b""  # and not sent yet
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write a part of the answer."""
        if not self._begun:
            self._begun, self._head = True, data
            self._loop.call_soon(self.flush)
        elif self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send what was written."""
        if self._head:
            head, self._head = self._head, b""
            if not self._transport.is_closing():
                self._transport.write(head)

    def end(self) -> None:
        """Send what was written: the answer is complete."""
        self.flush()
        self._begun = False

    def close(self) -> None:
        """Close the connection once all is sent."""
        self.flush()
        self._transport.close()
