"""Leases that a process has by an id of its own until they expire: to watch a backend, to publish events.

Zones have leases of another kind (store/leases.py).
"""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

_IN = "clock_timestamp() + make_interval(secs => :seconds)"


class ProcessLeases:
    """The leases of a table: a row for each thing that a process can have, with `holder` and `expires_at`.

    `key` is the column that names the thing, `acquired` one for the time of each `acquire`, `noted` one that
    each `extend` writes.
    """

    def __init__(
        self, table: str, key: str, *, acquired: str | None = None, noted: str | None = None
    ) -> None:
        at = f", {acquired}" if acquired else ""
        self._acquire = text(
            f"""
            INSERT INTO {table} AS lease ({key}, holder, expires_at{at})
            SELECT :key, :holder, {_IN}{", clock_timestamp()" if acquired else ""}
             -- asked first, without a lock: who finds it held does not wait for its holder
             WHERE NOT EXISTS (
                SELECT FROM {table} AS held
                 WHERE held.{key} = :key AND held.holder <> :holder AND held.expires_at > clock_timestamp())
            ON CONFLICT ({key}) DO UPDATE
               SET holder = excluded.holder, expires_at = excluded.expires_at
                   {f", {acquired} = excluded.{acquired}" if acquired else ""}
             WHERE lease.holder = excluded.holder OR lease.expires_at <= clock_timestamp()
            RETURNING {noted or "true"}
            """  # noqa: S608
        )
        self._extend = text(
            f"""
            UPDATE {table} SET expires_at = {_IN}{f", {noted} = :noted" if noted else ""}
             WHERE {key} = :key AND holder = :holder
            RETURNING {key}
            """  # noqa: S608
        )
        self._release = text(f"UPDATE {table} SET expires_at = clock_timestamp() WHERE holder = :holder")  # noqa: S608

    def acquire(self, session: Session, key: str, holder: UUID, seconds: float) -> Any:
        """Have the lease for so many seconds from now, also one that the process has already.

        Return what was noted last, or true; None while another process has it.
        """
        return session.scalar(self._acquire, {"key": key, "holder": holder, "seconds": seconds})

    def extend(self, session: Session, key: str, holder: UUID, seconds: float, noted: object = None) -> bool:
        """Let the lease end so many seconds from now; False where another process has it by now."""
        fence = {"key": key, "holder": holder, "seconds": seconds, "noted": noted}
        return session.scalar(self._extend, fence) is not None

    def release(self, session: Session, holder: UUID) -> None:
        """Let other processes have what this one has."""
        session.execute(self._release, {"holder": holder})
