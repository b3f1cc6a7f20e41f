"""What claiming requests costs the database."""

from sqlalchemy import text
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import statements, transaction, upgrade
from app.domain.change import Action
from app.services.requests.submit import submit
from app.services.requests.validate import RawChange, read_change
from app.store import leases, queue, zones

NUMBER = 100


def test_claiming_changes_no_index(app_settings: Settings, new_zone: str) -> None:
    upgrade()
    with transaction() as session:
        zones.add(session, new_zone, "bind")
    resources = [
        {"record_type": "A", "domain": f"h{number}.{new_zone}", "target": "192.0.2.1"}
        for number in range(NUMBER)
    ]
    changes = [
        RawChange(Action.CREATE, {"context": {"account_id": "team-a"}, "resource": resource})
        for resource in resources
    ]
    with statements() as executor:
        submit(executor, [read_change(change) for change in changes])
    with transaction() as session:
        lease = leases.acquire(session, new_zone, "me", 60)
        assert lease is not None
        ids = [item.id for item in queue.list_pending(session, new_zone, NUMBER)]
        assert len(queue.claim(session, lease, ids, uuid7(), "one of many")) == NUMBER
        heap_only = text("SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'dns_requests'")
        assert session.scalar(heap_only) == NUMBER
