"""`migrate` on a real database."""

from pathlib import Path

import psycopg

from app.core.migrations import newest_revision
from tests.support.forked import CLI, run_in_fork


def test_migrate_makes_the_tables_and_may_be_repeated(new_database: str, tmp_path: Path) -> None:
    """Before, a command says that they are missing."""
    settings = {"DATABASE_URL": new_database, "COLUMNS": "200"}
    missing = run_in_fork([*CLI, "token", "list"], settings, tmp_path)
    assert (missing.status, missing.out) == (1, "")
    assert "not migrated" in missing.err
    assert "Traceback" not in missing.err
    for _ in range(2):
        done = run_in_fork([*CLI, "migrate"], settings, tmp_path)
        assert (done.status, done.err) == (0, "")
        assert done.out == f"The schema is at revision {newest_revision()}.\n"
    with psycopg.connect(new_database) as connection:
        [count] = connection.execute("SELECT count(*) FROM dns_requests").fetchone() or [None]
    assert count == 0
