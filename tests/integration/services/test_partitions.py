"""Tables in partitions: those that an older release has made, what lies where, and what is dropped."""

import gzip
import json
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from typer.testing import CliRunner
from uuid_utils.compat import uuid7

from app.cli.partitions import partitions as command
from app.core import database, partition_switch, partitioning
from app.core.config import Settings
from app.core.database import statements, transaction
from app.core.partitioning import TABLES, bound_after, id_at, time_of
from app.domain.change import Action
from app.domain.lifecycle import Status
from app.domain.permissions import SERVICE
from app.domain.settlement import Decision
from app.services import partition_file, partitions, retention
from app.services.requests.draft import RawChange
from app.services.requests.lookup import RequestFilter, find_requests, get_request
from app.services.requests.submission import Accepted, KeyReused, Replayed
from app.services.requests.submit import submit
from app.services.requests.validate import read_change
from app.store import (
    backlog,
    due,
    keys,
    leases,
    live,
    open_floor,
    ptr,
    queue,
    request_lists,
    requests,
    rollback,
    runs,
    zones,
)
from app.store.staging import Staging
from stack.embedded import Stack
from tests.conftest import temporary_database
from tests.support.builders import body
from tests.support.faults import TIMING
from tests.support.pages import shown
from tests.support.settings import SetSettings
from tests.support.thoroughly import thoroughly

BEFORE_PARTITIONS = "0059"
NOW = datetime.now(UTC)
ADD = """
    INSERT INTO dns_requests (id, action, status, account_id, source, resource, zone, name, record_type, ttl,
                              rdata, idempotency_key, verified_at, finished_at)
    SELECT :id, 'create', CAST(:status AS text), 'team-a', 'api', '{}', zone, 'old.' || zone, 'A', 300,
           '{192.0.2.1}', :key, settled_at, settled_at
      FROM (SELECT CAST(:zone AS text) AS zone,
                   CASE WHEN CAST(:status AS text) = 'succeeded' THEN now() END AS settled_at) AS new
"""
AS_BEFORE = "ON CONFLICT (account_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING"
ADD_KEY = "INSERT INTO dns_idempotency_keys VALUES ('team-a', :key, :id)"
LOCKED = """
    SELECT count(DISTINCT relation) FROM pg_locks JOIN pg_inherits ON inhrelid = relation
     WHERE inhparent = 'dns_requests'::regclass AND pid = pg_backend_pid()
"""
MOST_LOCKED = """
    SELECT max(number) FROM (
        SELECT count(DISTINCT relation) AS number FROM pg_locks JOIN pg_inherits ON inhrelid = relation
         WHERE pid = pg_backend_pid() AND inhrelid IN (SELECT oid FROM pg_class WHERE relkind = 'r')
         GROUP BY inhparent) AS of_table
"""
ADD_RUN = """
    INSERT INTO ansible_runs (id, zone, backend, changes, first_request_id, last_request_id, started_at)
    VALUES (:id, :zone, 'bind', 1, :id, :id, now())
"""
ADD_LINE = "INSERT INTO dns_request_events (request_id, status, message) VALUES (:id, 'pending', 'accepted')"


@pytest.fixture(scope="module")
def with_old_partitions(infrastructure: Stack, migrated_database: str) -> Iterator[str]:
    """The name of a database with partitions of the last months, to be copied."""
    with temporary_database(infrastructure, migrated_database) as url:
        made = create_engine(url.replace("postgresql", "postgresql+psycopg", 1))
        with made.begin() as connection:
            for table in TABLES:
                partition_switch.join(connection, table)
                first_end = id_at(bound_after(NOW - timedelta(days=200), "month"))
                partition_switch.switch(connection, table, first_end)
                while partitioning.make_next(connection, table, "month", NOW):
                    pass
        made.dispose()
        yield url.rpartition("/")[2]


@pytest.fixture
def app_database(request: pytest.FixtureRequest, infrastructure: Stack) -> Iterator[str]:
    """A database for each test, since they alter the tables; with old partitions for who asks for them."""
    has_old = "old_partitions" in request.fixturenames
    template = request.getfixturevalue("with_old_partitions" if has_old else "migrated_database")
    with temporary_database(infrastructure, template) as url:
        yield url


@pytest.fixture
def old_url(app_settings: Settings, new_database: str, set_settings: SetSettings) -> str:
    """The URL of a database as an older release has left it."""
    set_settings(DATABASE_URL=new_database)
    database.upgrade(BEFORE_PARTITIONS)
    return new_database


@pytest.fixture
def zone(app_settings: Settings, new_zone: str) -> str:
    with transaction() as session:
        zones.add(session, new_zone, "bind")
    return new_zone


def add(session: Session, zone: str, at: datetime, status: str = "succeeded", key: str | None = None) -> UUID:
    """A request that was accepted at that time."""
    request_id = UUID(int=id_at(at).int + uuid7().int % 2**60)
    session.execute(text(ADD), {"id": request_id, "zone": zone, "status": status, "key": key})
    session.execute(text(ADD_LINE), {"id": request_id})
    return request_id


def read(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


def ask(zone: str, key: str | None = None) -> object:
    change = RawChange(Action.CREATE, body(zone, "www"), idempotency_key=key)
    with statements() as session:
        return submit(session, [read_change(change)])[0]


def shape() -> list[tuple[object, ...]]:
    """What the tables in partitions look like."""
    asked = """
        SELECT relation.relname, attribute.attname, attribute.attnotnull, attribute.attidentity,
               format_type(attribute.atttypid, attribute.atttypmod),
               pg_get_expr(adbin, adrelid), pg_get_partkeydef(relation.oid)
          FROM pg_class AS relation JOIN pg_attribute AS attribute ON attrelid = relation.oid AND attnum > 0
          LEFT JOIN pg_attrdef ON adrelid = relation.oid AND adnum = attnum
         WHERE relation.relname = ANY(:tables)
        UNION ALL
        SELECT tablename, indexname, NULL, NULL, indexdef, NULL, NULL FROM pg_indexes
         WHERE tablename = ANY(:tables)
        UNION ALL
        SELECT conrelid::regclass::text, conname, NULL, contype, pg_get_constraintdef(oid), NULL, NULL
          FROM pg_constraint WHERE conrelid::regclass::text = ANY(:tables) AND contype <> 'n'
        UNION ALL
        SELECT tgrelid::regclass::text, tgname, NULL, NULL, pg_get_triggerdef(oid), NULL, NULL
          FROM pg_trigger WHERE tgrelid::regclass::text = ANY(:tables)
         ORDER BY 1, 2, 5
    """
    with transaction() as session:
        rows = session.execute(text(asked), {"tables": [table.name for table in TABLES]})
        return [tuple(row) for row in rows]


def test_tables_of_an_older_release_are_switched_with_all_that_is_in_them(
    app_settings: Settings, old_url: str, new_zone: str, copied_database: str, set_settings: SetSettings
) -> None:
    with transaction() as session:
        zones.add(session, new_zone, "bind")
        first = add(session, new_zone, NOW - timedelta(days=400), key="a key")
    database.upgrade()
    with statements() as session:  # as the older release stores it
        late = uuid7()
        session.execute(
            text(ADD + AS_BEFORE),
            {"id": late, "zone": new_zone, "status": "pending", "key": "another key"},
        )
        again = session.execute(
            text(ADD + AS_BEFORE),
            {"id": uuid7(), "zone": new_zone, "status": "pending", "key": "a key"},
        )
        assert again.rowcount == 0
        taken = requests.ids_of_keys(session, [("team-a", "a key"), ("team-a", "another key")])
        assert taken == {("team-a", "a key"): first, ("team-a", "another key"): late}
    assert isinstance(ask(new_zone, "new"), Accepted)
    assert not partitions.is_switched()
    assert list(partitions.switch()) == [table.name for table in TABLES]
    assert list(partitions.switch()) == []
    assert isinstance(ask(new_zone, "new"), Replayed)
    assert isinstance(ask(new_zone), Accepted)
    with transaction() as session:
        page = find_requests(session, RequestFilter(zone=new_zone), 10, None)
        assert len(page.items) == 4
        assert session.scalar(text("SELECT count(*) FROM dns_requests_first")) == 4
    switched = shape()
    set_settings(DATABASE_URL=copied_database)
    partitions.make_ahead()
    assert switched == shape()


def test_a_row_lies_in_the_partition_of_its_time_and_no_clock_stops_anything(zone: str) -> None:
    partitions.make_ahead(NOW)
    assert partitions.make_ahead(NOW) == 0
    next_month = bound_after(NOW, "month")
    with transaction() as session:
        add(session, zone, NOW)
        add(session, zone, next_month + timedelta(days=1))
        far = add(session, zone, next_month + timedelta(days=45), "pending")  # somebody's clock
    assert partitions.make_ahead(next_month) == len(TABLES)
    with transaction() as session:
        where = "SELECT tableoid::regclass::text, count(*) FROM dns_requests GROUP BY 1 ORDER BY 1"
        names = [f"dns_requests_{at:%Y%m%d}" for at in (next_month, bound_after(next_month, "month"))]
        assert session.execute(text(where)).all() == [
            *((name, 1) for name in names),
            ("dns_requests_first", 1),
        ]
        assert requests.get(session, far) is not None
        assert [item.id for item in queue.list_pending(session, zone, 10).items] == [far]


def names_of_partitions() -> list[str]:
    with statements() as session:
        return [each.name for each in partitions.list_states(session)[0].partitions]


@pytest.fixture
def old_partitions(zone: str) -> list[str]:
    """Partitions of the last months, each with a request; the first one, too."""
    with transaction() as session:
        for days in (230, 170, 140, 110, 80, 50, 0):
            key = f"{days} days"
            request_id = add(session, zone, NOW - timedelta(days=days), key=key)
            session.execute(text(ADD_KEY), {"key": key, "id": request_id})
    return names_of_partitions()


def test_what_is_old_is_exported_and_dropped_but_never_what_is_open(
    zone: str, old_partitions: list[str], tmp_path: Path
) -> None:
    with transaction() as session:
        open_one = add(session, zone, NOW - timedelta(days=140), "pending")
    with transaction() as session:
        zones_before = session.scalar(text("SELECT count(*) FROM dns_zones"))
    before = NOW - timedelta(days=30)
    files = [Path(name).name for name in retention.retire(before, tmp_path)]
    kept = names_of_partitions()
    assert f"{old_partitions[0]}.jsonl.gz" in files
    with transaction() as session:
        [of_open] = session.scalars(
            text("SELECT tableoid::regclass::text FROM dns_requests WHERE id = :id"), {"id": open_one}
        )
        assert of_open == kept[0]
        settle = "UPDATE dns_requests SET status = 'succeeded', verified_at = now(), finished_at = now()"
        session.execute(text(f"{settle} WHERE id = :id"), {"id": open_one})
    exported = read(tmp_path / "dns_requests_first.jsonl.gz")
    assert [line["idempotency_key"] for line in exported] == ["230 days"]
    assert isinstance(spent := ask(zone, "230 days"), KeyReused)
    assert spent.error.code == "idempotency_key_spent"
    list(retention.retire(before, None))
    with transaction() as session:
        page = find_requests(session, RequestFilter(zone=zone), 10, None)
        assert len(page.items) == 2  # of this month and the last one
        left = session.scalar(text("SELECT count(*) FROM dns_request_events"))
        assert left == 2
        assert session.scalar(text("SELECT count(*) FROM dns_zones")) == zones_before
    assert {each.suffix for each in tmp_path.iterdir()} == {".gz"}


@pytest.mark.parametrize("newest_first", [True, thoroughly(False)])
def test_a_list_goes_from_partition_to_partition(
    zone: str, old_partitions: list[str], newest_first: bool
) -> None:
    found, position = [], None
    with transaction() as session:
        ids = list(session.scalars(text("SELECT id FROM dns_requests ORDER BY id")))
    wanted = request_lists.Wanted(zone=zone)
    with transaction() as session:
        request_lists.page(session, wanted, 1, None, newest_first=True)
        assert session.scalar(text(LOCKED)) == 3  # this month, the next one, and the default one
    while True:
        with transaction() as session:
            page = request_lists.page(session, wanted, 2, position, newest_first=newest_first)
        found += [row.id for row in page.rows]
        if (position := page.position) is None:
            break
    assert found == (ids[::-1] if newest_first else ids)


ADD_REVIEW = """
    INSERT INTO dns_reviews (id, zones, why, principal, roles, asks_as, expires_at, verdict, decided_at)
    VALUES (:id, '{}', '', '', '{}', '{}', now(), CAST(:verdict AS text),
            CASE WHEN CAST(:verdict AS text) IS NOT NULL THEN now() END)
"""


def test_a_worker_whose_clock_is_ahead_drops_nothing_early(
    zone: str, old_partitions: list[str], set_settings: SetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(days=20 * 365)

    monkeypatch.setattr(retention, "datetime", Ahead)
    set_settings(RETENTION=str(10 * 365 * 86_400))
    before = names_of_partitions()
    retention.retire_in_background()
    for thread in threading.enumerate():
        if thread.name == "retention":
            thread.join()
    assert names_of_partitions() == before


def test_what_belonged_to_requests_that_are_gone_is_forgotten(zone: str, old_partitions: list[str]) -> None:
    def ids(table: str) -> set[UUID]:
        with transaction() as session:
            return set(session.scalars(text(f"SELECT id FROM {table}")))

    old, undecided, new = (id_at(NOW - timedelta(days=days)) for days in (230, 229, 1))
    with transaction() as session:
        for request_id, verdict in ((old, "approved"), (undecided, None), (new, "approved")):
            session.execute(text(ADD_REVIEW), {"id": request_id, "verdict": verdict})
            batch = "INSERT INTO dns_batches (id, first_request_id, last_request_id) VALUES (:id, :id, :id)"
            session.execute(text(batch), {"id": request_id})
    list(retention.retire(NOW - timedelta(days=30), None))
    assert ids("dns_reviews") == {undecided, new}
    assert ids("dns_batches") == {new}


LOOKS: dict[str, Callable[[Session, str, UUID], object]] = {
    "an old request": lambda session, _, old: get_request(session, old, SERVICE.principal),
    "its PTRs": lambda session, _, old: ptr.requests_of(session, old, time_of(old)),
    "PTRs where there are none": lambda session, zone, _: ptr.with_ptrs(session, {zone}),
    "new lines of its log": lambda session, _, old: live.new_log_lines(
        session, old, 10, 0, 0, in_full=True, finished_at=time_of(old)
    ),
    "a rollback": lambda session, zone, _: list(
        rollback.list_done(session, zone, NOW - timedelta(hours=1), 10)
    ),
    "an import": lambda session, zone, _: import_nothing(session, zone),
    "what is open": lambda session, zone, _: requests.has_open(session, zone),
}


def import_nothing(session: Session, zone: str) -> None:
    staging = Staging(session, zone)
    staging.fill([])
    staging.merge(None)


@pytest.mark.thorough
def test_few_partitions_are_looked_into(zone: str, old_partitions: list[str]) -> None:
    with transaction() as session:
        old = add(session, zone, NOW - timedelta(days=110))
        settled = "UPDATE dns_requests SET finished_at = created_at - interval '110 days' WHERE id = :id"
        session.execute(text(settled), {"id": old})
        session.execute(text(ADD_RUN), {"zone": zone, "id": add(session, zone, NOW - timedelta(days=30))})
        lowest = {"floor": id_at(NOW - timedelta(days=1))}
        session.execute(text("UPDATE dns_open_floor SET floor = :floor"), lowest)
    most = {}
    for what, look in LOOKS.items():
        with transaction() as session:
            look(session, zone, old)
            most[what] = session.scalar(text(MOST_LOCKED)) or 0
    assert {what: number for what, number in most.items() if number > 4} == {}
    assert len(old_partitions) > 4


def drain(session: Session, zone: str) -> UUID:
    """Drain one request, and return its id."""
    lease = leases.acquire(session, zone, "me", 60)
    assert lease is not None
    leases.check(session, lease, to_claim=True)
    [item] = queue.list_pending(session, zone, 1, lease.floor).items
    run_id = uuid7()
    runs.start(session, run_id, zone, "bind", [item.id])
    queue.claim(session, lease, [item.id], run_id, queue.Line("one of many", "in a run"))
    runs.note_before(session, run_id, {})
    runs.finish(session, run_id, 0, None, {}, "", {})
    queue.settle(session, {item.id: Decision(Status.SUCCEEDED, "answered", "answered")}, TIMING)
    leases.release(session, lease)
    return item.id


@pytest.mark.thorough
def test_one_plan_for_all_executions_is_of_few_partitions(zone: str, old_partitions: list[str]) -> None:
    for _ in range(13):  # the driver prepares statements, then PostgreSQL makes one plan for all
        ask(zone)
    with statements() as session:
        session.execute(text("UPDATE dns_open_floor SET floor = :floor"), {"floor": id_at(NOW)})
    for _ in range(13):
        with transaction() as session:
            due.list_zones(session)
            due.has_work(session, zone)
            request_lists.page(session, request_lists.Wanted(zone=zone), 1, None)
            request_lists.page(session, request_lists.Wanted(zone=zone, open=True), 1, None)
            drained = drain(session, zone)
            get_request(session, drained, SERVICE.principal)
            live.those_open(session, [drained])
            live.log_ends(session, [drained])
            live.new_log_lines(session, drained, 10, 0, 0, in_full=True)
            requests.add_log_lines(session, [requests.NewLine(drained, "a line", "a line")])
            assert session.scalar(text(MOST_LOCKED)) <= 3 < len(old_partitions)


def test_an_export_goes_on_where_it_was_interrupted(
    zone: str, old_partitions: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compress, calls = gzip.compress, 0

    def full_disk(content: bytes) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError("no space left on device")
        return compress(content)

    with transaction() as session:
        ids = [add(session, zone, NOW - timedelta(days=230, seconds=n)) for n in range(5)]
    monkeypatch.setattr(partition_file, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(gzip, "compress", full_disk)
    with pytest.raises(OSError, match="no space"):
        list(retention.retire(NOW - timedelta(days=165), tmp_path))
    [path] = [Path(p) for p in retention.export_retired(tmp_path) if "dns_requests_first" in p]
    found = [str(line["id"]) for line in read(path)]
    assert len(found) == 6
    assert sorted(found) == found
    assert {str(each) for each in ids} < set(found)
    assert subprocess.run(["gzip", "--test", path]).returncode == 0


@pytest.mark.thorough
@pytest.mark.parametrize(
    "left", ["dns_requests_first.jsonl.gz", thoroughly("dns_requests_first.jsonl.place")]
)
def test_a_file_of_another_database_is_not_taken_for_ones_own(
    zone: str, old_partitions: list[str], tmp_path: Path, left: str
) -> None:
    other = tmp_path / left
    other.write_text('{"table": "of another one", "octets": 0, "after": []}')
    for days in (165, 30):  # the second time nothing more is taken out
        with pytest.raises(FileExistsError, match="of another table"):
            list(retention.retire(NOW - timedelta(days=days), tmp_path))
    assert names_of_partitions() == old_partitions[1:]
    with statements() as session:
        assert session.execute(text("SELECT count(*) FROM retired_dns_requests_first")).scalar() == 1
        assert "dns_requests_first" in retention.list_taken_out(session)
    other.unlink()
    list(retention.retire(NOW - timedelta(days=165), tmp_path))
    assert len(read(tmp_path / "dns_requests_first.jsonl.gz")) == 1
    assert subprocess.run(["gzip", "--test", *tmp_path.glob("*.gz")]).returncode == 0


def test_a_command_drops_nothing_while_a_worker_does_nor_what_is_written_to_now(
    zone: str, old_partitions: list[str], tmp_path: Path
) -> None:
    def run(before: datetime) -> tuple[int, str]:
        arguments = ["retire", "--before", f"{before:%Y-%m-%d}", "--export", str(tmp_path)]
        found = CliRunner().invoke(command, arguments)
        return found.exit_code, found.output

    with retention.turn() as is_mine:
        assert is_mine
        code, output = run(NOW - timedelta(days=30))
        assert (code, "A worker" in output) == (1, True)
    code, output = run(NOW + timedelta(days=400))
    assert (code, "to come" in output) == (2, True)
    code, output = run(datetime(1900, 1, 1, tzinfo=UTC))
    assert code == 0
    assert output.startswith("0 partitions retired: the oldest, dns_requests_first, ends on ")
    assert "nothing to do" in CliRunner().invoke(command, ["switch"]).output
    assert names_of_partitions() == old_partitions
    code, output = run(NOW - timedelta(days=30))
    assert (code, "dns_requests_first" in output) == (0, True)
    with transaction() as session:
        add(session, zone, time_of(partitions.list_states(session)[0].partitions[0].first), "pending")
    code, output = run(NOW - timedelta(days=1))
    assert (code, "has open requests" in output) == (0, True)
    for line in shown("docs/how-to/growth.md", "partitions list").text.splitlines():
        done = CliRunner().invoke(command, shlex.split(line, comments=True)[4:])
        assert done.exit_code == 0, done.output


def test_the_floor_rises_a_day_later_and_who_opens_an_old_request_lowers_it(
    zone: str, old_partitions: list[str]
) -> None:
    noted = "UPDATE dns_open_floor SET next_floor_at = now() - interval '2 days'"
    with transaction() as session:
        old = add(session, zone, NOW - timedelta(days=110), "pending")
        fail = "UPDATE dns_requests SET status = 'failed', error_code = 'x', finished_at = now()"
        session.execute(text(f"{fail} WHERE id = :id"), {"id": old})
    with statements() as session:
        open_floor.raise_when_due(session, NOW)
        assert open_floor.exact(session) == partitioning.FIRST
        session.execute(text(noted))
        open_floor.raise_when_due(session, NOW)
        floor = open_floor.exact(session)
        assert floor > old
    with transaction() as session:
        due.has_work(session, zone)
        due.list_zones(session)
        queue.list_pending(session, zone, 10)
        backlog.count_open(session, 10)
        assert session.scalar(text(LOCKED)) == 3  # this month, the next one, and the default one
    with statements() as session:
        assert due.list_zones(session) == []  # type: ignore[arg-type]
    with transaction() as session:
        assert [each.id for each in requests.retry(session, [old], wait=True)] == [old]
    with statements() as session:
        assert open_floor.exact(session) <= old
        session.execute(text("UPDATE dns_open_floor SET floor = :floor"), {"floor": floor})
        assert open_floor.mend(session) == old  # as somebody's SQL has left it
        assert open_floor.exact(session) == old
    with transaction() as session:
        lease = leases.acquire(session, zone, "me", 60)
        assert lease is not None


def test_the_floor_stays_below_what_a_wrong_clock_has_brought(zone: str, old_partitions: list[str]) -> None:
    list(retention.retire(NOW - timedelta(days=100), None))
    with transaction() as session:
        old = add(session, zone, NOW - timedelta(days=150), "pending")
    with statements() as session:
        for _ in range(2):
            open_floor.raise_when_due(session, NOW)
            session.execute(text("UPDATE dns_open_floor SET next_floor_at = now() - interval '2 days'"))
        assert open_floor.exact(session) <= old


@pytest.mark.thorough
def test_what_is_not_as_it_should_be_is_told(
    zone: str, old_partitions: list[str], set_settings: SetSettings
) -> None:
    set_settings(RETENTION=str(60 * 86_400))
    later = bound_after(bound_after(NOW, "month"), "month")

    def told(now: datetime) -> tuple[int, int, float]:
        with statements() as session:
            state = partitions.list_states(session)[0]
        return state.ahead(now), state.in_default, state.seconds_overdue(now)

    ahead, in_default, overdue = told(NOW)
    assert (ahead, in_default) == (1, 0)
    assert overdue / 86_400 == pytest.approx(125, abs=20)
    with transaction() as session:
        add(session, zone, later + timedelta(days=40))
    ahead, in_default, overdue = told(later)
    assert (ahead, in_default) == (0, 1)
    list(retention.retire(NOW - timedelta(days=60), None))
    assert told(NOW)[2] == 0


def test_keys_are_forgotten_by_their_age(zone: str) -> None:
    with transaction() as session:
        for key, days in (("old", 40), ("new", 20)):
            row = {"key": key, "id": id_at(NOW - timedelta(days=days))}
            session.execute(text(ADD_KEY), row)
        for minute in range(24 * 60):
            keys.forget_some(session, NOW + timedelta(minutes=minute), 30 * 86_400)
        assert list(session.scalars(text("SELECT idempotency_key FROM dns_idempotency_keys"))) == ["new"]
