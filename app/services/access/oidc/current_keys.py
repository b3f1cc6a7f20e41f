"""The issuer's keys as they are now, in memory.

They are read again when a call comes and they are older than `REFRESH_AFTER`, and where a token names a key
that is not among them. The issuer is asked once at a time, and once in `PAUSE`: tokens with invented keys
cost it nothing. While it is away the keys go on until they are `MAX_AGE` old.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from app.core.logging import get_logger
from app.domain.errors import IssuerUnavailable
from app.domain.retry_policy import READ_ISSUER
from app.issuer.fetch import NotRead
from app.issuer.public_keys import PublicKeys

log = get_logger(__name__)

REFRESH_AFTER = 300.0  # seconds
MAX_AGE = 3600.0  # seconds; by then what an issuer gave out before it went has ended, as a rule
PAUSE = READ_ISSUER.pauses.first  # seconds from one try to the next


class CurrentKeys:
    """One for each event loop."""

    def __init__(
        self, fetch: Callable[[], Awaitable[PublicKeys]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: PublicKeys | None = None
        self._read_at = 0.0
        self._tried_at: float | None = None
        self._failed = False  # the last try
        self._reading: asyncio.Task[None] | None = None

    async def keys(self) -> PublicKeys:
        """Return the keys; it waits only where none are known. Raises IssuerUnavailable."""
        known = self._known()
        if known is None:
            await self.read()
        elif self._clock() - self._read_at > REFRESH_AFTER:
            self.start_reading()
        found = self._known()
        if found is None:
            raise IssuerUnavailable
        return found

    async def keys_with(self, key_id: str | None, algorithm: str) -> PublicKeys:
        """Return the keys, read again if there is no such one among them.

        Raises IssuerUnavailable, also where the issuer may have such a key by now.
        """
        keys = await self.keys()
        if keys.find(key_id, algorithm) is None:
            await self.read()
            keys = await self.keys()
            if self._failed and keys.find(key_id, algorithm) is None:
                raise IssuerUnavailable
        return keys

    async def read(self) -> None:
        """Read the keys, unless that was tried just now; with whoever reads them already."""
        self.start_reading()
        if self._reading is not None:
            await asyncio.shield(self._reading)

    def start_reading(self) -> None:
        """Have the keys read, unless that was tried just now."""
        now = self._clock()
        idle = self._reading is None or self._reading.done()
        if idle and (self._tried_at is None or now - self._tried_at >= PAUSE):
            self._tried_at = now
            self._reading = asyncio.create_task(self._read())

    def _known(self) -> PublicKeys | None:
        return self._keys if self._clock() - self._read_at <= MAX_AGE else None

    async def _read(self) -> None:
        began = self._clock()
        try:
            found = await self._fetch()
        except NotRead as error:
            self._failed = True
            then = "the known ones go on" if self._known() else "calls with its tokens are answered 503"
            log.warning(f"the keys of the OIDC issuer can't be read; {then}", error=str(error))
            return
        self._read_at, self._failed = began, False
        if found != self._keys:  # else what was checked with them need not be checked again
            self._keys = found
            log.info("the OIDC issuer has new keys", number=len(found))
