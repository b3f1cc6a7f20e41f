"""Whose figures a caller sees."""

from sqlalchemy import text

from app.core.database import statements
from tests.support.access import Guarded
from tests.support.builders import body

FAIL = """
    UPDATE dns_requests SET status = 'failed', error_code = 'refused', finished_at = now()
     WHERE name LIKE 'h0.%'
"""


def test_a_requester_sees_the_figures_of_own_accounts(guarded: Guarded) -> None:
    for account, owners in {"team-a": ("h0", "h1"), "team-b": ("other",)}.items():
        guarded.grant(zone=guarded.zone, names="**", account=account)
        caller = guarded.by("requester", accounts=[account])
        for owner in owners:
            asked = body(guarded.zone, owner, account=account)
            guarded.client.post("/api/v1/dns/create", json=asked, headers=caller).raise_for_status()
    with statements() as session:
        session.execute(text(FAIL))
    found = guarded.client.get("/api/v1/stats", headers=guarded.by("requester")).json()
    assert (found["requests"]["open"], found["accepted_per_minute"]) == (1, 2)
    assert (found["zones"][0]["open"], found["zones"][0]["failed_24h"]) == (1, 1)
    assert sum(step["accepted"] for step in found["history"]) == 2
    assert [found[name] for name in ("backends", "drift", "serial_lag", "runs")] == [None] * 4
    everybody = guarded.client.get("/api/v1/stats", headers=guarded.by("operator")).json()
    assert (everybody["requests"]["open"], everybody["accepted_per_minute"]) == (2, 3)
