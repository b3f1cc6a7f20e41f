"""Bounds hold, too, where several come at once: what is counted, and then added, is done in turn."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import transaction
from app.core.redis import redis
from app.domain.errors import Overloaded, RecordsExceeded, TooManyOffers
from app.domain.permissions import EVERYBODY
from app.services import orders
from app.services.access import transfers
from app.services.access.transfers import Offer
from app.services.zones.registry import add_zone
from app.store import plans, sessions
from app.store.models import ConsoleSession
from app.store.plans import Room
from tests.support.locks import wait_for_blocked_transaction
from tests.support.settings import SetSettings

pytestmark = pytest.mark.usefixtures("app_settings")

A, B = "team-a", "team-b"
ZONES = ("one.test", "two.test")
RECORD = """
    INSERT INTO dns_records (zone, name, record_type, ttl, rdata, account_id, owner, request_id)
    VALUES (:zone, 'www.' || :zone, 'A', 300, '{x}', :owner, :owner, gen_random_uuid())
"""

Act = Callable[[Session], Any]


def beside(first: Act, second: Act) -> Any:
    """Do the second act while the first one's transaction goes on; return what comes of the second."""

    def do() -> Any:
        with transaction() as session:
            return second(session)

    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            first(session)
            waiting = pool.submit(do)
            wait_for_blocked_transaction()
        return waiting.result()


@pytest.fixture
def served() -> None:
    """Zones with an RRset each that is A's."""
    with transaction() as session:
        for zone in ZONES:
            add_zone(session, EVERYBODY, zone, "bind")
            session.execute(text(RECORD), {"zone": zone, "owner": A})


def offer(session: Session, zone: str) -> UUID:
    wanted = Offer(zone, "**", (), whole_zone=False, from_account=A, to_account=B)
    return transfers.offer(session, EVERYBODY, wanted).id


def test_the_offers_of_an_account(served: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "MAX_OFFERS", 1)
    with pytest.raises(TooManyOffers):
        beside(lambda session: offer(session, ZONES[0]), lambda session: offer(session, ZONES[1]))


def test_the_rrsets_that_an_account_is_given(served: None, set_settings: SetSettings) -> None:
    set_settings(QUOTA_RECORDS="1")
    with transaction() as session:
        first, second = (offer(session, zone) for zone in ZONES)
    with pytest.raises(RecordsExceeded):
        beside(
            lambda session: transfers.accept(session, EVERYBODY, first),
            lambda session: transfers.accept(session, EVERYBODY, second),
        )


@pytest.mark.parametrize(("account", "kept"), [(A, True), (B, False)])
def test_the_plans_of_an_account_and_of_all(account: str, kept: bool) -> None:
    """The oldest of the account makes room, that of another does not."""

    def keep(account: str) -> Act:
        room = Room(most=1, most_octets=1 << 20, octets_of_all=0)
        return lambda session: plans.insert(session, uuid7(), account, b"x", lifetime=60, room=room)

    assert bool(beside(keep(A), keep(account))) is kept
    with transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM dns_plans")) == 1


def test_the_sessions_of_a_principal() -> None:
    def begin(session: Session) -> None:
        until = datetime.now(UTC) + timedelta(hours=1)
        digest = secrets.token_bytes(32)
        sessions.add(session, ConsoleSession(digest=digest, holder="x", claims={}, expires_at=until))
        sessions.keep_newest(session, "x", 1)

    beside(begin, begin)
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(ConsoleSession)) == 1


def test_the_orders_that_wait_for_workers(app_settings: Settings) -> None:
    """As many as there is room for at most; what is refused has left nothing behind."""
    waiting = f"dns:test-{secrets.token_hex(4)}"

    def push(number: int) -> bool:
        try:
            orders.push(waiting, [{"order": number}, {"order": -number}], 60, 4)
        except Overloaded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        accepted = sum(pool.map(push, range(1, 33)))
    assert accepted <= 2
    assert redis().llen(waiting) == 2 * accepted
    assert push(33) is (accepted < 2)
