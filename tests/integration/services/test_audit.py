"""The audit is a chain: what somebody changes, takes out or puts in behind our back breaks it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core import database
from app.core.config import Settings
from app.core.database import transaction
from app.domain.permissions import SERVICE, Principal
from app.services.access import audit
from app.services.access.refusals import PERIOD, Refusals

NUMBER = 8


@pytest.fixture
def app_database(copied_database: str) -> str:
    """A database for each test, since some alter the tables."""
    return copied_database


@pytest.fixture
def entries(app_settings: Settings) -> None:
    """Some entries."""
    database.upgrade()
    for number in range(NUMBER):
        with transaction() as session:
            audit.note(session, SERVICE, "tried", str(number), {"é": [1, None]}, {"b": True})


def follow() -> audit.Chain:
    with transaction() as session:
        return audit.follow(session)


def test_a_chain_that_nobody_has_touched(entries: None) -> None:
    chain = follow()
    assert (chain.length, chain.fault) == (NUMBER, None)
    with transaction() as session:
        assert [each.seq for each in audit.entries(session)] == list(range(1, NUMBER + 1))
        assert list(audit.entries(session))[-1].hash == chain.head.hex()


TAMPERED = [
    ("UPDATE access_audit SET subject = 'x' WHERE seq = 3", 2),
    ("UPDATE access_audit SET before = NULL WHERE seq = 3", 2),
    ("UPDATE access_audit SET at = at + interval '1 microsecond' WHERE seq = 8", 7),
    ("UPDATE access_audit SET address = '192.0.2.1' WHERE seq = 1", 0),
    ("UPDATE access_audit SET hash = sha256('x') WHERE seq = 3", 2),
    ("DELETE FROM access_audit WHERE seq = 5", 4),
    ("DELETE FROM access_audit WHERE seq = 1", 0),
    ("DELETE FROM access_audit WHERE seq = 5; UPDATE access_audit SET seq = seq - 1 WHERE seq > 5", 4),
    (
        "UPDATE access_audit SET seq = seq + 100 WHERE seq >= 5;"
        " INSERT INTO access_audit"
        " SELECT 5, at, principal, address, act, 'x', before, after, previous, hash"
        " FROM access_audit WHERE seq = 4; UPDATE access_audit SET seq = seq - 99 WHERE seq > 100",
        4,
    ),
]


def test_a_hash_that_was_kept_tells_whether_the_end_was_cut_off(entries: None) -> None:
    with transaction() as session:
        hashes = [each.hash for each in audit.entries(session)]
        session.execute(text("ALTER TABLE access_audit DISABLE TRIGGER only_added"))
        session.execute(text("DELETE FROM access_audit WHERE seq > 6"))
        found = [audit.follow(session, bytes.fromhex(kept)) for kept in hashes]
    assert [chain.fault for chain in found] == [None] * NUMBER
    assert [chain.has_kept for chain in found] == [True] * 6 + [False] * 2


def test_refusals_can_not_fill_it(app_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    database.upgrade()
    most, now = 20, 0.0
    monkeypatch.setattr("app.services.access.refusals.MOST", most)
    refusals = Refusals(lambda: now)

    def written() -> list[tuple[str, int]]:
        refusals.write_due()
        with transaction() as session:
            return [(each.principal, each.after["number"]) for each in audit.entries(session) if each.after]

    def try_often(number: int) -> None:
        for _ in range(number):
            refusals.note(
                Principal("token a", person="Ann"), "not_allowed", "no grant\0" + "x" * 10_000, "192.0.2.1"
            )

    try_often(1)
    assert written() == [("token a", 1)]
    with transaction() as session:
        assert [each.after["by_person"] for each in audit.entries(session) if each.after] == ["Ann"]
    try_often(1_000)
    refusals.note(Principal("token b"), "right_missing", "none")
    assert written() == [("token a", 1), ("token b", 1)]
    now = PERIOD
    assert written() == [("token a", 1), ("token b", 1), ("token a", 1_000)]
    for number in range(3 * most):
        refusals.note(Principal(f"token {number}"), "not_allowed", "no")
    now += PERIOD
    assert len(written()) == 3 + most + 1
    assert follow().fault is None


def test_an_entry_is_logged_when_it_is_committed(
    app_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.upgrade()
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(audit.log, "info", lambda _, **fields: lines.append(fields), raising=False)
    with transaction() as session:
        audit.note(session, SERVICE, "tried", "one", {"a": 1})
        with session.begin_nested():
            audit.note(session, SERVICE, "tried", "two")
        assert lines == []
    assert [(each["seq"], each["act"], each["subject"], each["before"]) for each in lines] == [
        (1, "tried", "one", {"a": 1}),
        (2, "tried", "two", None),
    ]
    assert lines[1]["hash"] == follow().head.hex()


def test_a_switch_of_auth_is_noted_once(app_settings: Settings) -> None:
    database.upgrade()
    for auth in ("off", "required", "required", "off", "off"):
        with transaction() as session:
            audit.note_auth(session, auth)
    with transaction() as session:
        found = [(each.act, each.before, each.after) for each in audit.entries(session)]
    off, required = {"auth": "off"}, {"auth": "required"}
    assert found == [("auth_switched", off, required), ("auth_switched", required, off)]


def test_what_was_done_to_it_is_found(entries: None) -> None:
    with transaction() as session:
        session.execute(text("ALTER TABLE access_audit DISABLE TRIGGER USER"))
        for statement, good in TAMPERED:
            done = session.begin_nested()
            session.execute(text(statement))
            chain = audit.follow(session)
            assert chain.fault, statement
            assert chain.length == good, statement
            done.rollback()
            session.expire_all()
        assert audit.follow(session).fault is None


NOT_AT_THE_END = [  # number, hash of the one before, time
    ("9223372036854775807", "hash", "now()"),
    ("seq + 2", "hash", "now()"),
    ("seq + 1", "sha256('x')", "now()"),
    ("seq + 1", "NULL", "now()"),
    ("NULL", "hash", "now()"),
    ("seq + 1", "hash", "'infinity'"),
]


def test_only_what_follows_on_the_last_entry_is_added(entries: None) -> None:
    """Also where a temporary table of the same name has another last one."""
    with transaction() as session:
        session.execute(text("CREATE TEMPORARY TABLE access_audit (seq bigint, hash bytea) ON COMMIT DROP"))
        session.execute(text("INSERT INTO access_audit VALUES (9223372036854775806, sha256('x'))"))
        for seq, previous, at in NOT_AT_THE_END:
            statement = (
                "INSERT INTO public.access_audit (seq, at, principal, act, subject, previous, hash)"
                f" SELECT {seq}, {at}, 'a', 'b', 'c', {previous}, sha256('y')"
                f" FROM public.access_audit WHERE seq = {NUMBER}"
            )
            with pytest.raises(IntegrityError, match="a row of access_audit"), session.begin_nested():
                session.execute(text(statement))
    with transaction() as session:
        audit.note(session, SERVICE, "tried", "the next")
    chain = follow()
    assert (chain.length, chain.fault) == (NUMBER + 1, None)


def test_entries_that_are_made_at_once_are_one_chain(app_settings: Settings) -> None:
    database.upgrade()

    def note(number: int) -> None:
        with transaction() as session:
            audit.note(session, SERVICE, "tried", str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note, range(40)))
    assert follow()[:1] == (40,)
    assert follow().fault is None


def test_what_is_not_done_is_not_noted(app_settings: Settings) -> None:
    database.upgrade()

    def fail() -> None:
        with transaction() as session:
            audit.note(session, SERVICE, "tried", "in vain")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert follow().length == 0
