"""One table decides about retries; nothing else does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.backoff import Backoff
from app.core.config import ROOT
from app.domain.retry_policy import (
    MESSAGES,
    RESULTS,
    RETRIES,
    RUN_STOPPED,
    Kind,
    Limit,
    Policy,
    Retry,
    Scope,
    codes_of,
    of_call,
    of_item,
    of_result,
)

# Whose numbers are settings, or of the room that the domain does not know.
_BY_SETTINGS = {"app/services/drain/rest.py", "app/core/migrations.py"}


def backoffs(path: Path) -> Iterator[ast.Call]:
    text = path.read_text()
    for node in ast.walk(ast.parse(text)) if "Backoff(" in text else ():
        match node:
            case ast.Call(func=ast.Name(id="Backoff")):
                yield node


def test_every_back_off_has_its_pauses_from_the_table() -> None:
    elsewhere = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "app").rglob("*.py")
        for call in backoffs(path)
        if not ast.unparse(call.args[0]).endswith(".pauses")
    }
    assert elsewhere == _BY_SETTINGS


@pytest.mark.parametrize("policy", [*RESULTS.values(), RUN_STOPPED, of_result("refused")])
def test_a_fault_of_the_whole_is_booked_on_nobody(policy: Policy) -> None:
    if policy.kind is Kind.TRANSIENT:
        assert policy.opens is not None
        assert not policy.is_strike
        assert policy.limit is Limit.NONE
    if policy.limit is Limit.BLAMED:  # it is known first that others get through
        assert policy.opens is not None
        assert not policy.is_last(99, 5, blamable=False)
        assert not policy.is_last(4, 5, blamable=True)
        assert policy.is_last(5, 5, blamable=True)
    if policy.is_strike:
        assert policy.kind is Kind.UNKNOWN
    assert policy.is_last(1, 5, blamable=True) == (policy.kind is Kind.PERMANENT)


def test_what_a_playbook_of_ones_own_says_is_believed() -> None:
    assert of_result("quota_of_the_provider").kind is Kind.PERMANENT
    assert "tsig_refused" in codes_of(Kind.TRANSIENT, Scope.BACKEND)
    assert "tsig_refused" not in codes_of(Kind.TRANSIENT, Scope.ZONE)


def test_no_wrong_token_or_address_makes_dead_letters() -> None:
    assert {of_call(status) for status in (401, 403, 404, 421, 429, 503)} == {Kind.TRANSIENT}
    assert {of_call(status) for status in (400, 413, 422)} == {Kind.PERMANENT}
    assert {of_call(status) for status in (500, 502, 504)} == {Kind.UNKNOWN}
    assert [of_item(status) for status in (403, 409, 422, 429, 500, 503)] == [
        *[Kind.PERMANENT] * 3,
        Kind.TRANSIENT,
        Kind.UNKNOWN,
        Kind.TRANSIENT,
    ]
    assert MESSAGES.before_halving < MESSAGES.alone < MESSAGES.alone_of_all


@pytest.mark.parametrize("retry", RETRIES, ids=lambda retry: retry.what)
def test_pauses_grow_and_end_nowhere(retry: Retry) -> None:
    full = Backoff(retry.pauses.first, retry.pauses.longest)
    pauses = [full.pause(failures) for failures in range(40)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (retry.pauses.first, retry.pauses.longest)
