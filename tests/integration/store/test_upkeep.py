"""A clock that was set back leaves leases, rests and pauses far ahead."""

from sqlalchemy import text

from app.core.config import Settings
from app.core.database import transaction, upgrade
from app.store import upkeep

AHEAD = """
    INSERT INTO dns_zone_leases (zone, token, holder, expires_at, paused_until) VALUES
        ('a.test', 1, 'gone', now() + interval '1 hour', NULL),
        ('b.test', 1, '', now(), now() + interval '1 hour'),
        ('c.test', 1, 'alive', now() + interval '20 seconds', now() + interval '60 seconds');
    INSERT INTO dns_backends (name, failures, paused_until) VALUES ('bind', 1, now() + interval '1 hour')
"""
LONGEST = """
    SELECT extract(epoch FROM max(time) - now()) FROM (
        SELECT greatest(expires_at, paused_until) AS time FROM dns_zone_leases
        UNION SELECT paused_until FROM dns_backends) AS times
"""


def test_what_is_too_long_is_cut_and_nothing_else(app_settings: Settings) -> None:
    upgrade()
    with transaction() as session:
        for statement in AHEAD.split(";"):
            session.execute(text(statement))
        before = session.execute(text("SELECT * FROM dns_zone_leases WHERE zone = 'c.test'")).one()
        upkeep.shorten_waits(session, lease=30, pause=75)
        assert float(session.scalar(text(LONGEST)) or 0) < 76
        assert session.execute(text("SELECT * FROM dns_zone_leases WHERE zone = 'c.test'")).one() == before
        rest = text("SELECT paused_until IS NULL FROM dns_zone_leases WHERE zone = 'a.test'")
        assert session.scalar(rest)  # who did not rest does not begin to
