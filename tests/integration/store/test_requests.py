"""Storing requests: many in one statement."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import event, select, text
from uuid_utils.compat import uuid7

from app.core.config import Settings
from app.core.database import statements, transaction, upgrade
from app.domain.change import Action, Via
from app.domain.rdata import RecordType
from app.store import requests, zones
from app.store.models import Request
from app.store.requests import NewRequest

TEXTS = ['"', "\\", '\\"', "{", '","', "NULL", "é\U0001f600", "\n\t\x01", "'; --", ":id %s", "", " "]


def row(zone: str, name: str, rdata: list[str], key: str | None = None) -> NewRequest:
    resource = {"domain": name, "target": rdata, "config": {"extra_config": {"text": rdata, "none": None}}}
    return NewRequest(
        id=uuid7(),
        action=Action.CREATE,
        account_id=f"team {name}",
        source="api",
        via=Via.API,
        resource=resource,
        zone=zone,
        name=name,
        record_type=RecordType("TXT"),
        ttl=300,
        rdata=rdata,
        idempotency_key=key,
    )


def test_what_is_stored_is_what_was_given(app_settings: Settings, new_zone: str) -> None:
    upgrade()
    rows = [row(new_zone, text, [text, f"{text}{text}"], text or None) for text in TEXTS]
    rows += [row(new_zone, "nothing", []), row(new_zone, "all", TEXTS)]
    with transaction() as session:
        zones.add(session, new_zone, "bind")
        requests.insert(session, rows)
        stored = {each.id: each for each in session.scalars(select(Request))}
        for given in rows:
            found = stored[given.id]
            for name in ("account_id", "resource", "name", "rdata", "idempotency_key"):
                assert getattr(found, name) == getattr(given, name)


def test_the_order_is_that_of_the_list_whatever_the_statistics_say(
    app_settings: Settings, new_zone: str
) -> None:
    """A join with the zones could give another order, once there are many."""
    upgrade()
    with transaction() as session:
        names = [f"z{number}.{new_zone}" for number in range(2_000)]
        session.execute(
            text("INSERT INTO dns_zones (name, backend) SELECT unnest(CAST(:names AS text[])), 'bind'"),
            {"names": names},
        )
        session.execute(text("ANALYZE dns_zones"))
    rows = [row(names[-number % 7], f"h{number}", ["a"]) for number in range(3_000)]
    with statements() as session:
        assert not requests.insert(session, rows).zone_gone
    with transaction() as session:
        assert list(session.scalars(select(Request.id).order_by(Request.seq))) == [each.id for each in rows]


def test_keys_that_were_used_before_are_looked_up_one_by_one(app_settings: Settings, new_zone: str) -> None:
    """Joined to what is sent, each could be compared with each: that is what the planner does here."""
    upgrade()
    number = 100
    rows = [row(new_zone, "same", ["x"], f"key {each}") for each in range(number)]
    asked: list[tuple[str, Any]] = []
    with transaction() as session:
        zones.add(session, new_zone, "bind")
        requests.insert(session, rows)
        again = [replace(each, id=uuid7()) for each in rows]
        for method in ("hashjoin", "mergejoin", "seqscan"):  # which a small table is read by at times
            session.execute(text(f"SET LOCAL enable_{method} = off"))
        connection = session.connection()
        note = partial(note_statement, asked)
        event.listen(connection, "before_cursor_execute", note)
        assert len(requests.find_earlier(session, again)) == number
        event.remove(connection, "before_cursor_execute", note)
        for statement, parameters in asked:
            explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            plan = explained.scalar_one()[0]["Plan"]
            assert sum(map(rows_at, nodes_of(plan))) < 20 * number


def note_statement(asked: list[tuple[str, Any]], *arguments: Any) -> None:
    asked.append(arguments[2:4])


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes_of(below)


def rows_at(node: dict[str, Any]) -> int:
    """Return how many rows a step of the plan has looked at."""
    left_out = sum(value for name, value in node.items() if name.startswith("Rows Removed by"))
    return int((node["Actual Rows"] + left_out) * node["Actual Loops"])
