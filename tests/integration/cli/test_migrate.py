"""`migrate` on a real database."""

from pathlib import Path

import psycopg

from app.core.migrations import newest_revision
from tests.support.forked import CLI, run_in_fork


def test_migrate_makes_the_tables_and_may_be_repeated(new_database: str, tmp_path: Path) -> None:
    for _ in range(2):
        done = run_in_fork([*CLI, "migrate"], {"DATABASE_URL": new_database}, tmp_path)
        assert (done.status, done.err) == (0, "")
        assert done.out == f"The schema is at revision {newest_revision()}.\n"
    with psycopg.connect(new_database) as connection:
        [count] = connection.execute("SELECT count(*) FROM dns_requests").fetchone() or [None]
    assert count == 0
