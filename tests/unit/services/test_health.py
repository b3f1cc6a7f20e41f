"""What `/readyz` says in words."""

import asyncio
from collections.abc import Callable

from app.services.health import OK, UNAVAILABLE, DependencyProbes, list_problems
from tests.support.running_api import forget_clients
from tests.support.settings import SetSettings

WELL = {"postgresql": OK, "redis": OK}


def test_nothing_is_said_where_all_is_well() -> None:
    assert list_problems(WELL, {}, 0) == []


def test_each_problem_is_named_with_what_to_do() -> None:
    found = list_problems(
        {"postgresql": UNAVAILABLE, "redis": UNAVAILABLE}, {"bind": "tsig_refused"}, 200_000
    )
    [postgresql, redis, backlog, backends] = found
    assert "DATABASE_URL" in postgresql
    assert "CELERY_BROKER_URL" in redis
    assert "BACKLOG_LIMIT" in backlog
    assert "bind (tsig_refused). " in backends


def test_some_of_many_backends_are_named() -> None:
    [problem] = list_problems(WELL, {f"b{number:02}": "server_unreachable" for number in range(30)}, 0)
    assert problem.count("server_unreachable") == 10
    assert "b09 (server_unreachable) and 20 more. " in problem


def test_what_does_not_answer_is_logged_once(set_settings: SetSettings, logged: Callable[[], str]) -> None:
    set_settings(DATABASE_URL="postgresql://dns@127.0.0.1:1/dns", CELERY_BROKER_URL="redis://127.0.0.1:1/0")
    forget_clients()
    probes = DependencyProbes()
    for said in (True, False):
        assert asyncio.run(probes.states()) == {"postgresql": UNAVAILABLE, "redis": UNAVAILABLE}
        assert ("redis does not answer" in (log := logged())) is said
        assert ("postgresql does not answer" in log) is said
    forget_clients()
