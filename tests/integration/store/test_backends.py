"""How the failures of a backend are counted."""

from sqlalchemy import text

from app.core.config import Settings
from app.core.database import transaction, upgrade
from app.store import backends
from tests.support.faults import NO_CONNECTION


def test_one_outage_is_one_failure_however_many_zones_meet_it(app_settings: Settings) -> None:
    upgrade()
    with transaction() as session:
        backends.rest(session, "bind", 60, NO_CONNECTION)
        backends.rest(session, "bind", 60, NO_CONNECTION)
    with transaction() as session:
        failures = session.scalar(text("SELECT failures FROM dns_backends WHERE name = 'bind'"))
    assert failures == 1
