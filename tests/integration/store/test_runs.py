"""The log of a run, as it is stored and shown."""

from uuid import UUID

from sqlalchemy import text
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import transaction, upgrade
from app.store import requests, runs


def test_a_line_about_one_request_is_shown_to_it_alone(app_settings: Settings) -> None:
    upgrade()
    run_id, mine, other = uuid7(), uuid7(), uuid7()
    lines: list[tuple[str, str | None, UUID | None]] = [
        ("all", None, None),
        ("to all", "told all", None),
        ("mine", None, mine),
        ("to me", "told me", mine),
        ("other", "told other", other),
    ]
    with transaction() as session:
        runs.start(session, run_id, "example.test", "bind", [mine, other])
        runs.add_events(session, run_id, [runs.NewLine(0, words, told, of) for words, told, of in lines])
        columns = "(request_id, run_id, status, message)"
        event = f"INSERT INTO dns_request_events {columns} VALUES (:id, :run, 'running', '')"
        session.execute(text(event), {"id": mine, "run": run_id})
    with transaction() as session:
        shown = [
            [line.message for line in requests.log_lines(session, mine, 10, None, in_full=in_full)]
            for in_full in (True, False)
        ]
    assert shown == [["", "to me", "mine", "to all", "all"], [None, "told me", "told all"]]


def test_lines_have_the_times_of_the_database(app_settings: Settings) -> None:
    """A worker's clock may be wrong: only the time that has passed since a line is taken from it."""
    upgrade()
    run_id = uuid7()
    with transaction() as session:
        runs.start(session, run_id, "example.test", "bind", [uuid7()])
        runs.add_events(
            session, run_id, [runs.NewLine(5, "earlier", None, None), runs.NewLine(0, "now", None, None)]
        )
        began = session.scalar(text("SELECT started_at FROM ansible_runs"))
        earlier, now = session.scalars(text("SELECT at FROM ansible_run_events ORDER BY id"))
    assert earlier < began < now
    assert 4.9 < (now - earlier).total_seconds() < 5.1
