"""What tells an API that something has changed: PostgreSQL's notifications, which a trigger sends.

They say no more than that. The trigger sends none while `live_listeners` has no row in force: a commit that
notifies waits for every other one that does, in all databases of the server.
"""

from uuid import UUID

from psycopg import AsyncConnection

_RENEW = """
    WITH gone AS (DELETE FROM live_listeners WHERE expires_at < now() - interval '1 minute' AND id <> %(id)s)
    INSERT INTO live_listeners (id, expires_at) VALUES (%(id)s, now() + make_interval(secs => %(seconds)s))
    ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at
"""


async def listen(connection: AsyncConnection) -> None:
    """Have the connection get the notifications; `renew_listener` has them sent."""
    await connection.execute("LISTEN dns_changes")


async def renew_listener(connection: AsyncConnection, listener: UUID, seconds: float) -> None:
    """Say that this process listens, and will for so long. Forgets those who have not said so for long."""
    await connection.execute(_RENEW, {"id": listener, "seconds": seconds})


async def remove_listener(connection: AsyncConnection, listener: UUID) -> None:
    """Say that this process listens no more."""
    await connection.execute("DELETE FROM live_listeners WHERE id = %s", [listener])
