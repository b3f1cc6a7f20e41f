"""What accounts have used of their quotas, while the clock of the API's host is set."""

import time
from types import SimpleNamespace

import pytest

from app.core.config import Settings
from app.core.database import statements, transaction, upgrade
from app.domain.change import Action
from app.domain.quotas import Quota, Quotas
from app.services.requests import usage
from app.services.requests.draft import RawChange
from app.services.requests.submit import submit
from app.services.requests.usage import MINUTE, Usage
from app.services.requests.validate import read_change
from app.store import zones
from tests.support.builders import body

HOUR = 3600.0


@pytest.mark.parametrize("step", [0.0, -HOUR, HOUR])
def test_an_account_has_room_again_after_a_minute_whatever_its_hosts_clock_says(
    app_settings: Settings, new_zone: str, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    upgrade()
    with transaction() as session:
        zones.add(session, new_zone, "bind")
    known, quotas = Usage(), Quotas(Quota(requests_per_minute=1))
    with statements() as session:
        submit(session, [read_change(RawChange(Action.CREATE, body(new_zone, account="a")))])
        known.look(session, {"a": 1}, quotas)
        now, later = time.time() + step, time.monotonic() + MINUTE + 1
        assert known.requests("a") == 1
        monkeypatch.setattr(usage, "time", SimpleNamespace(time=lambda: now, monotonic=time.monotonic))
        known.look(session, {"a": 1}, quotas)
        assert (known.requests("a"), known.wait("a") <= MINUTE) == (1, True)
        after = now + MINUTE + 1
        monkeypatch.setattr(usage, "time", SimpleNamespace(time=lambda: after, monotonic=lambda: later))
        known.look(session, {"a": 1}, quotas)
        assert known.requests("a") == 0
