"""Items of the changes file, and results of the results file."""

import json
from pathlib import Path
from typing import Any

import dns.name
import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import (
    UnusableChange,
    parse_change,
    read_items,
)
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import Result, failed, write_results

ZONE = dns.name.from_text("example.test")
ITEM = {
    "request_id": "1",
    "action": "create",
    "zone": "example.test",
    "name": "www.example.test",
    "type": "A",
    "ttl": 300,
    "rdata": ["192.0.2.1", "192.0.2.2", "192.0.2.1"],
    "comment": None,
    "extra_config": {},
}


def test_a_change_is_read_with_each_value_once() -> None:
    change = parse_change(ITEM, ZONE)
    assert str(change) == "www.example.test A"
    assert [value.to_text() for value in change.values] == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.parametrize(
    ("different", "code"),
    [
        ({"action": "replace"}, "invalid_change"),
        ({"type": "NOTATYPE"}, "invalid_change"),
        ({"type": "ANY"}, "invalid_change"),
        ({"type": "NSEC", "rdata": ["b.example.test. A"]}, "invalid_change"),
        ({"type": "NSEC3", "action": "delete", "rdata": []}, "invalid_change"),
        ({"ttl": -1}, "invalid_change"),
        ({"ttl": 2**31}, "invalid_change"),
        ({"ttl": "soon"}, "invalid_change"),
        ({"ttl": None}, "invalid_change"),
        ({"rdata": []}, "invalid_change"),
        ({"rdata": ["not an address"]}, "invalid_change"),
        ({"rdata": [7]}, "invalid_change"),
        ({"name": "www..example.test"}, "invalid_change"),
        ({"name": "www.example.org"}, "not_zone"),
        ({"name": "wwwexample.test"}, "not_zone"),
        ({"type": "SOA", "action": "delete", "rdata": [], "name": "example.test"}, "soa_protected"),
    ],
)
def test_what_no_server_could_take_fails_by_itself(different: dict[str, Any], code: str) -> None:
    with pytest.raises(UnusableChange) as error:
        parse_change(ITEM | different, ZONE)
    assert error.value.code == code


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"action": "create"}]'])
def test_a_changes_file_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "changes.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r".+"):
        read_items(path)


def test_results_are_written_whole_and_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results(path, {"1": Result("applied", "done"), "2": failed("refused", "no")})
    assert json.loads(path.read_text()) == [
        {"request_id": "1", "outcome": "applied", "message": "done", "code": None},
        {"request_id": "2", "outcome": "failed", "message": "no", "code": "refused"},
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]
