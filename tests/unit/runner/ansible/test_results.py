"""The results file of a playbook that nobody can vouch for."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.domain.change import ChangeResult, Outcome, RRsetState
from app.runner.ansible import results
from app.runner.ansible.redaction import Redactor
from app.runner.ansible.results import ParsedResults, read_results
from tests.support.builders import change

CHANGES = [change("create", "www", "MX", "10 a.example.") for _ in range(3)]
ASKED = [each.request_id for each in CHANGES]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.json"


def read(path: Path, content: Any) -> ParsedResults:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_results(path, CHANGES, Redactor(["top-secret"]))


def item(request_id: UUID = ASKED[0], outcome: str = "applied", **more: object) -> dict[str, object]:
    return {"request_id": str(request_id), "outcome": outcome, **more}


def test_what_is_in_the_file_is_known_and_what_is_missing_is_not(path: Path) -> None:
    parsed = read(path, [item(), item(ASKED[1], "failed", code="refused", message="no")])
    assert parsed.results == {
        ASKED[0]: ChangeResult(Outcome.APPLIED),
        ASKED[1]: ChangeResult(Outcome.FAILED, "refused", "no"),
    }
    assert parsed.problems == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is not JSON"),
        ("[{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ({"results": []}, "is not a list"),
        ("null", "is not a list"),
    ],
)
def test_what_is_not_a_list_has_no_results(path: Path, content: Any, problem: str) -> None:
    assert read(path, content) == ParsedResults({}, [problem])


def test_binary(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    assert read_results(path, CHANGES, Redactor()).problems == ["is not JSON"]


def test_a_file_that_is_missing(path: Path) -> None:
    assert read_results(path, CHANGES, Redactor()) == ParsedResults({}, ["was not written"])


def test_what_is_no_ordinary_file(path: Path, tmp_path: Path) -> None:
    os.mkfifo(path)
    assert read_results(path, CHANGES, Redactor()).problems == ["is not a regular file"]
    path.unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("[]")
    path.symlink_to(elsewhere)
    assert "can't be read" in read_results(path, CHANGES, Redactor()).problems[0]


def test_a_file_without_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "MAX_FILE", 100)
    assert "is larger than 100 bytes" in read(path, " " * 101 + "[]").problems[0]


@pytest.mark.parametrize(
    ("invalid", "problem"),
    [
        ("text", "is not an object"),
        (None, "is not an object"),
        ({"outcome": "applied"}, "has no request_id"),
        ({"request_id": 7, "outcome": "applied"}, "has no request_id"),
        ({"request_id": "not a uuid", "outcome": "applied"}, "has no request_id"),
        (item(uuid4()), "is about a request that was not asked for"),
        ({"request_id": str(ASKED[1])}, "has no outcome"),
        (item(ASKED[1], "fine"), "has no outcome"),
        ({"request_id": str(ASKED[1]), "outcome": ["applied"]}, "has no outcome"),
        ({"request_id": str(ASKED[1]), "outcome": {}}, "has no outcome"),
    ],
)
def test_one_invalid_item_takes_no_other_with_it(path: Path, invalid: Any, problem: str) -> None:
    parsed = read(path, [invalid, item()])
    assert list(parsed.results) == [ASKED[0]]
    assert len(parsed.problems) == 1
    assert f"item 0 {problem}" in parsed.summary


def test_many_problems_are_one_sentence(path: Path) -> None:
    parsed = read(path, ["x"] * 1000)
    assert len(parsed.problems) == 1000
    assert parsed.summary == "the results file can't be understood: item 0 is not an object, and 999 more"


def test_two_outcomes_for_one_request_are_none(path: Path) -> None:
    parsed = read(path, [item(), item(outcome="failed"), item(ASKED[1]), item(ASKED[1])])
    assert list(parsed.results) == [ASKED[1]]
    assert "contradicts" in parsed.problems[0]


@pytest.mark.parametrize("code", [None, 7, "", "Not A Code", "x" * 65, "a\u0000b"])
def test_a_failure_always_has_a_code_and_a_reason(path: Path, code: Any) -> None:
    parsed = read(path, [item(outcome="failed", code=code, message=None)])
    assert parsed.results[ASKED[0]] == ChangeResult(
        Outcome.FAILED, "playbook_failed", "the playbook gives no reason"
    )


def test_messages_are_fit_for_the_database(path: Path) -> None:
    message = "a\u0000b\ud800 top-secret \u001b[31m" + "x" * 5000
    text = read(path, [item(message=message)]).results[ASKED[0]].message
    assert text is not None
    assert text.startswith("a\N{REPLACEMENT CHARACTER}b? ******** \N{REPLACEMENT CHARACTER}[31mxx")
    assert len(text) == results.MAX_MESSAGE
    text.encode()


@pytest.mark.parametrize(
    ("before", "known"),
    [
        ({"ttl": None, "rdata": []}, RRsetState(None, ())),
        ({"ttl": 0, "rdata": ["10 a.example."]}, RRsetState(0, ("10 a.example.",))),
        (
            {"ttl": 60, "rdata": ["010 B.Example.", "10 b.example.", "\\# 5 0001016100"]},
            RRsetState(60, ("1 a.", "10 b.example.")),
        ),
        (None, None),
    ],
)
def test_what_was_there_before_is_read_in_canonical_form(path: Path, before: Any, known: Any) -> None:
    parsed = read(path, [item(before=before)])
    assert parsed == ParsedResults({ASKED[0]: ChangeResult(Outcome.APPLIED, before=known)}, [])


@pytest.mark.parametrize(
    "before",
    [
        [],
        "nothing",
        {},
        {"ttl": 300},
        {"ttl": "300", "rdata": ["10 a.example."]},
        {"ttl": True, "rdata": ["10 a.example."]},
        {"ttl": -1, "rdata": ["10 a.example."]},
        {"ttl": 300, "rdata": "10 a.example."},
        {"ttl": 300, "rdata": ["a.example."]},
        {"ttl": 300, "rdata": ["10 {{ 6 * 7 }}."]},
        {"ttl": 300, "rdata": [10, None]},
        {"ttl": 300, "rdata": [["10 a.example."]]},
        {"ttl": 300, "rdata": ["10 a.example."] * 6_001},
        {"ttl": 300, "rdata": ["10 a.example." + " " * 300_000]},
    ],
)
def test_nonsense_about_what_was_there_before_costs_no_result(path: Path, before: Any) -> None:
    parsed = read(path, [item(before=before)])
    assert parsed.results == {ASKED[0]: ChangeResult(Outcome.APPLIED)}
    assert parsed.problems == ['can\'t be understood: the "before" of www.example.test MX']
