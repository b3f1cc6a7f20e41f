"""An import that meets a settlement: each has what the other one waits for."""

from threading import Event, Thread

from sqlalchemy import text

from app.core.config import Settings
from app.core.database import transaction
from app.domain.zone_record import ZoneRecord
from app.store import leases, records
from app.store.staging import Merged, Staging
from tests.support.eventually import eventually

ZONE = "staged.test"
FOUND = [ZoneRecord(f"h{number}.{ZONE}", "A", 300, f"192.0.2.{number}") for number in range(1, 4)]
_WAITS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def _waits() -> bool:
    with transaction() as session:  # a transaction sees the activity as it was at its first look
        return bool(session.scalar(_WAITS))


def test_a_settlement_of_what_is_imported_at_the_moment_is_not_ended(app_settings: Settings) -> None:
    merged: list[Merged] = []
    locked = Event()

    def merge() -> None:
        with transaction() as session:
            staging = Staging(session, ZONE)
            staging.fill(FOUND)
            locked.wait()
            merged.append(staging.merge(1))

    importing = Thread(target=merge)
    importing.start()
    with transaction() as session:
        leases.keep_still(session, ZONE)
        locked.set()
        eventually(_waits)  # for the lease, with all three RRsets inserted
        session.execute(text("SET LOCAL lock_timeout = '20s'"))
        session.execute(
            text(
                "INSERT INTO dns_records (zone, name, record_type, ttl, rdata, account_id, request_id)"
                " VALUES (:zone, :name, 'A', 60, '{192.0.2.9}', 'a', gen_random_uuid())"
            ),
            {"zone": ZONE, "name": FOUND[0].name},
        )
    importing.join()
    assert merged == [Merged(rrsets=3, added=2, candidates=1)]
    with transaction() as session:
        owners = {row.name: row.account_id for row in records.of_zones(session, [ZONE], 10)}
    assert owners == {FOUND[0].name: "a", FOUND[1].name: None, FOUND[2].name: None}
