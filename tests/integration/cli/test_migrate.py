"""`migrate` on a real database."""

import os
import subprocess
import sys

import psycopg

from app.core.migrations import newest_revision
from stack.paths import ROOT


def test_migrate_makes_the_tables_and_may_be_repeated(new_database: str) -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "migrate"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": new_database},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"The schema is at revision {newest_revision()}.\n"
    with psycopg.connect(new_database) as connection:
        [count] = connection.execute("SELECT count(*) FROM dns_requests").fetchone() or [None]
    assert count == 0
