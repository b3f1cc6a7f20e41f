"""What claiming requests costs the database."""

from sqlalchemy import text
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import statements, transaction, upgrade
from app.domain.change import Action
from app.services.requests.submit import submit
from app.services.requests.validate import RawChange, read_change
from app.store import leases, queue, zones
from tests.support.builders import body

NUMBER = 100


def test_claiming_changes_no_index(app_settings: Settings, new_zone: str) -> None:
    upgrade()
    with transaction() as session:
        zones.add(session, new_zone, "bind")
    changes = [RawChange(Action.CREATE, body(new_zone, f"h{number}")) for number in range(NUMBER)]
    with statements() as session:
        submit(session, [read_change(change) for change in changes])
    with transaction() as session:
        lease = leases.acquire(session, new_zone, "me", 60)
        assert lease is not None
        ids = [item.id for item in queue.list_pending(session, new_zone, NUMBER)]
        assert len(queue.claim(session, lease, ids, uuid7(), "one of many")) == NUMBER
        heap_only = text("SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'dns_requests'")
        assert session.scalar(heap_only) == NUMBER
