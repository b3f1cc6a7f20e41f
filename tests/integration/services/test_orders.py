"""Orders between hosts whose clocks differ."""

import time

import pytest

from app.core.config import Settings
from app.services.plan import orders
from app.services.plan.orders import Order

HOUR = 3600.0


@pytest.mark.parametrize(("of_api", "of_worker"), [(-HOUR, HOUR), (HOUR, -HOUR)])
def test_an_order_counts_as_long_as_somebody_waits_whatever_the_clocks_of_the_hosts_say(
    app_settings: Settings, monkeypatch: pytest.MonkeyPatch, of_api: float, of_worker: float
) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + of_api)
    orders.send([Order("clocks.test", [], "dns:plan:clocks", time.monotonic() + 60)])
    monkeypatch.setattr(time, "time", lambda: right() + of_worker)
    order = orders.take()
    assert order is not None
    assert 0 < order.seconds_left <= 61
    orders.send([Order("clocks.test", [], "dns:plan:clocks", time.monotonic())])
    assert orders.take() is None
