"""Tokens, grants and quotas as they are now, in memory: no call asks the database who its caller is.

What a call is judged by is at most `MAX_AGE` old. It is looked for changes by one statement, when a call
comes and it is older than `REFRESH_AFTER`: the call need not wait for that unless it is too old by then.
docs/decisions/0027-access-in-memory.md
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from app.core.database import access_statements
from app.core.threads import run_to_the_end
from app.domain.permissions import Grants
from app.domain.quotas import Quotas
from app.services.access.grants import grant_of
from app.services.access.identify import KnownToken, known_tokens
from app.services.access.quotas import default_quota, quotas_of
from app.store import grants as grant_store
from app.store import quotas as quota_store
from app.store import tokens as token_store

MAX_AGE = 1.0  # seconds
REFRESH_AFTER = 0.5  # seconds
USE_NOTED_EVERY = 60.0  # seconds, for each token


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Tokens by their prefixes, grants and quotas, as they were at one time."""

    version: UUID | None = None
    tokens: Mapping[str, KnownToken] = field(default_factory=dict)
    grants: Grants = field(default_factory=Grants)
    quotas: Quotas | None = None


class CurrentAccess:
    """One for each event loop."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._defaults = Quotas(default_quota())
        self._looked_at = 0.0  # when the last look began that has found it as it is
        self._changed_at = 0.0  # when this process has made a change
        self._look: asyncio.Task[None] | None = None
        self._used: dict[UUID, float] = {}  # when the use of a token was noted last
        self._to_note: set[UUID] = set()

    async def snapshot(self) -> Snapshot:
        """Return what holds now, give or take a second. Raises what the database raises."""
        found, age = self._snapshot, time.monotonic() - self._looked_at
        if found is not None and age <= REFRESH_AFTER:
            return found
        look = self._start_look()
        if found is not None and age <= MAX_AGE:
            return found
        await asyncio.shield(look)
        if self._looked_at < time.monotonic() - MAX_AGE:  # it had begun long before this call came
            await asyncio.shield(self._start_look())
        assert self._snapshot is not None
        return self._snapshot

    @property
    def quotas(self) -> Quotas:
        """The quotas of accounts, as a call has found them last; before the first one the defaults."""
        found = self._snapshot.quotas if self._snapshot else None
        return found or self._defaults

    def expire(self) -> None:
        """Let the next call look for changes: there are some."""
        self._looked_at = 0.0
        self._changed_at = time.monotonic()

    def note_use(self, token_id: UUID) -> None:
        """Have it noted that the token was used, now and then."""
        now = time.monotonic()
        if now - self._used.get(token_id, -USE_NOTED_EVERY) >= USE_NOTED_EVERY:
            self._used[token_id] = now
            self._to_note.add(token_id)
            self._start_look()

    def _start_look(self) -> asyncio.Task[None]:
        """Have somebody look, unless somebody does already."""
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._look_for_changes())
            self._look.add_done_callback(_mark_as_seen)
        return self._look

    async def _look_for_changes(self) -> None:
        began = time.monotonic()
        used, self._to_note = self._to_note, set()
        try:
            self._snapshot = await run_to_the_end(lambda: _read(self._snapshot, used))
        except BaseException:
            self._to_note |= used
            raise
        if began >= self._changed_at:
            self._looked_at = began
        if self._snapshot is not None and len(self._used) > 2 * len(self._snapshot.tokens) + 100:
            self._used.clear()  # of tokens that are gone


def _read(known: Snapshot | None, used: set[UUID]) -> Snapshot:
    with access_statements() as session:
        if used:
            token_store.note_use(session, used, USE_NOTED_EVERY)
        version = grant_store.version(session)
        if known is not None and known.version == version:
            return known
        # What changes behind the version is read twice, never missed.
        tokens = known_tokens(token_store.list_known(session))
        found = (grant_of(row) for row in grant_store.list_known(session))
        grants = Grants(grant for grant in found if grant is not None)
        return Snapshot(version, tokens, grants, quotas_of(quota_store.list_known(session)))


def _mark_as_seen(look: asyncio.Task[None]) -> None:
    """Take note of an error that nobody waits for: the next call meets it, and says so."""
    if not look.cancelled():
        look.exception()
