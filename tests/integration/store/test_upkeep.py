"""A clock that was set back leaves leases, rests and pauses far ahead; zones that go leave leases behind."""

from collections.abc import Callable

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from app.core.config import Settings
from app.core.database import transaction, upgrade
from app.store import due, upkeep, zones

AHEAD = """
    INSERT INTO dns_zone_leases (zone, token, holder, expires_at, paused_until) VALUES
        ('a.test', 1, 'gone', now() + interval '1 hour', NULL),
        ('b.test', 1, '', now(), now() + interval '1 hour'),
        ('c.test', 1, 'alive', now() + interval '20 seconds', now() + interval '60 seconds');
    INSERT INTO dns_backends (name, failures, paused_until) VALUES ('bind', 1, now() + interval '1 hour');
    INSERT INTO dns_watch_leases (backend, holder, expires_at, looked_at)
        VALUES ('bind', gen_random_uuid(), now() + interval '1 hour', now());
    INSERT INTO dns_publisher_leases (listener, holder, expires_at)
        VALUES ('kafka', gen_random_uuid(), now() + interval '1 hour')
"""
LONGEST = """
    SELECT extract(epoch FROM max(time) - now()) FROM (
        SELECT greatest(expires_at, paused_until) AS time FROM dns_zone_leases
        UNION SELECT expires_at FROM dns_watch_leases
        UNION SELECT expires_at FROM dns_publisher_leases
        UNION SELECT paused_until FROM dns_backends) AS times
"""

OPEN_REQUEST = """
    INSERT INTO dns_requests (id, action, account_id, source, resource, zone, name, record_type, ttl, rdata)
    VALUES (uuidv7(), 'create', 'team-a', 'api', '{}', 'open.test', 'www.open.test', 'A', 300, '{192.0.2.1}')
"""


def shorten(session: Session) -> None:
    upkeep.shorten_waits(session, lease=30, pause=75, deadline=60)


def statements_of(session: Session, act: Callable[[Session], None]) -> int:
    """Return how many statements it takes."""
    executed: list[None] = []

    def note(*_: object) -> None:
        executed.append(None)

    event.listen(session.connection(), "before_cursor_execute", note)
    act(session)
    event.remove(session.connection(), "before_cursor_execute", note)
    return len(executed)


def test_what_is_too_long_is_cut_and_nothing_else(app_settings: Settings) -> None:
    upgrade()
    with transaction() as session:
        for statement in AHEAD.split(";"):
            session.execute(text(statement))
        before = session.execute(text("SELECT * FROM dns_zone_leases WHERE zone = 'c.test'")).one()
        shorten(session)
        assert float(session.scalar(text(LONGEST)) or 0) < 76
        assert session.execute(text("SELECT * FROM dns_zone_leases WHERE zone = 'c.test'")).one() == before
        assert statements_of(session, shorten) < 4  # nothing is to be done any more
        rest = text("SELECT paused_until IS NULL FROM dns_zone_leases WHERE zone = 'a.test'")
        assert session.scalar(rest)  # who did not rest does not begin to


def test_leases_of_what_is_served_no_more_are_forgotten_but_not_where_something_is_open(
    app_settings: Settings, new_zone: str
) -> None:
    upgrade()
    old = "now() - interval '2 days'"
    with transaction() as session:
        zones.add(session, new_zone, "bind")
        session.execute(
            text(
                f"INSERT INTO dns_zone_leases (zone, token, holder, expires_at) VALUES"
                f" (:served, 1, '', {old}), ('gone.test', 1, '', {old}), ('open.test', 1, '', {old}),"
                " ('lately.test', 1, '', now())"
            ),
            {"served": new_zone},
        )
        session.execute(
            text(
                "INSERT INTO dns_watch_leases (backend, holder, expires_at) VALUES"
                f" ('bind', gen_random_uuid(), {old}), ('gone', gen_random_uuid(), {old})"
            )
        )
        session.execute(text(OPEN_REQUEST))
        upkeep.drop_leases_of_old(session)
        left = set(session.scalars(text("SELECT zone FROM dns_zone_leases")))
        assert left == {new_zone, "open.test", "lately.test"}
        assert list(session.scalars(text("SELECT backend FROM dns_watch_leases"))) == ["bind"]


def test_a_zone_is_kicked_again_though_its_last_kick_is_ahead(app_settings: Settings) -> None:
    upgrade()
    with transaction() as session:
        assert due.note_kicks(session, ["a.test"], 1) == {"a.test": 1}
        session.execute(text("UPDATE dns_zone_leases SET kicked_at = now() + interval '1 hour'"))
        assert due.note_kicks(session, ["a.test"], 1) == {"a.test": 2}
        assert due.note_kicks(session, ["a.test"], 1) == {}
