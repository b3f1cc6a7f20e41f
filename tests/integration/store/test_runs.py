"""The log of a run, as it is stored and shown."""

from datetime import UTC, datetime

from sqlalchemy import text
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import transaction, upgrade
from app.store import requests, runs


def test_a_line_about_one_request_is_shown_to_it_alone(app_settings: Settings) -> None:
    upgrade()
    run_id, mine, other = uuid7(), uuid7(), uuid7()
    now = datetime.now(UTC)
    with transaction() as session:
        runs.start(session, run_id, "example.test", "bind", [mine, other])
        runs.add_events(session, run_id, [(now, "all", None), (now, "mine", mine), (now, "other", other)])
        columns = "(request_id, run_id, status, message)"
        event = f"INSERT INTO dns_request_events {columns} VALUES (:id, :run, 'running', '')"
        session.execute(text(event), {"id": mine, "run": run_id})
    with transaction() as session:
        shown = [line.message for line in requests.log_lines(session, mine, 10, None) if line.message]
    assert shown == ["mine", "all"]
