"""What `/readyz` says in words."""

from app.services.health import OK, UNAVAILABLE, list_problems

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
