"""The log of a run, as it is stored and shown."""

from sqlalchemy import text
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import transaction, upgrade
from app.store import requests, runs


def test_a_line_about_one_request_is_shown_to_it_alone(app_settings: Settings) -> None:
    upgrade()
    run_id, mine, other = uuid7(), uuid7(), uuid7()
    with transaction() as session:
        runs.start(session, run_id, "example.test", "bind", [mine, other])
        runs.add_events(session, run_id, [(0, "all", None), (0, "mine", mine), (0, "other", other)])
        columns = "(request_id, run_id, status, message)"
        event = f"INSERT INTO dns_request_events {columns} VALUES (:id, :run, 'running', '')"
        session.execute(text(event), {"id": mine, "run": run_id})
    with transaction() as session:
        shown = [line.message for line in requests.log_lines(session, mine, 10, None) if line.message]
    assert shown == ["mine", "all"]


def test_lines_have_the_times_of_the_database(app_settings: Settings) -> None:
    """A worker's clock may be wrong: only the time that has passed since a line is taken from it."""
    upgrade()
    run_id = uuid7()
    with transaction() as session:
        runs.start(session, run_id, "example.test", "bind", [uuid7()])
        runs.add_events(session, run_id, [(5, "earlier", None), (0, "now", None)])
        began = session.scalar(text("SELECT started_at FROM ansible_runs"))
        earlier, now = session.scalars(text("SELECT at FROM ansible_run_events ORDER BY id"))
    assert earlier < began < now
    assert 4.9 < (now - earlier).total_seconds() < 5.1
