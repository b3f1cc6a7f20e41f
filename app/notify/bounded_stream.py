"""A connection of which no more is read than an answer can have, and little at a time.

Of a head httpcore2 bounds each response, but takes any number of `1xx` before it; a receiver that sends them
without end would keep the event loop from everybody else, as each read is worked through in one go.
"""

import ssl
from typing import Any

import httpcore2

MOST_READ = 128 * 1024  # bytes: a head of 100 KB, and what is kept of the body
_AT_ONCE = 4 * 1024  # bytes


class BoundedStream(httpcore2.AsyncNetworkStream):
    """Reads `MOST_READ` bytes, and then raises RemoteProtocolError."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._left = MOST_READ

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read some bytes."""
        if self._left <= 0:
            raise httpcore2.RemoteProtocolError("more than an answer can have")
        data = await self._stream.read(min(max_bytes, _AT_ONCE), timeout)
        self._left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of the bytes."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """Go on with TLS, bounded as well."""
        return BoundedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Return what is known of the connection."""
        return self._stream.get_extra_info(info)
