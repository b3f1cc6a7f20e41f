"""Items of the changes file, and results of the results file."""

import json
import resource
from pathlib import Path
from typing import Any

import dns.name
import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import (
    UnusableChange,
    parse_change,
    read_items,
)
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import (
    Result,
    applied,
    failed,
    results_file,
)
from ansible_collections.orchestrator.dns.plugins.plugin_utils.spelling import spelled_as_there

from app.domain.errors import InvalidRdata
from app.domain.rdata import RecordType, canonical
from tests.support.collection import values

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
    with results_file(path, 2) as write:
        write({"1": Result("applied", "done"), "2": failed("refused", "no")})
    assert json.loads(path.read_text()) == [
        {"request_id": "1", "outcome": "applied", "message": "done", "code": None},
        {"request_id": "2", "outcome": "failed", "message": "no", "code": "refused"},
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_a_full_disk_is_found_before_anything_is_done(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"), results_file(tmp_path / "results.json", 1_000):
            pytest.fail("nothing may be done")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_results_are_bounded_whatever_the_values_are(tmp_path: Path) -> None:
    text = "\\255" * 60_000
    strings = " ".join(f'"{text[i : i + 1_000]}"' for i in range(0, len(text), 1_000))
    change = parse_change(ITEM | {"type": "TXT", "rdata": [strings]}, ZONE)
    with results_file(tmp_path / "results.json", 1) as write:
        write({"1": applied(change), "2": failed("refused", "x" * 100_000)})
    assert (tmp_path / "results.json").stat().st_size < 1_000


@pytest.mark.parametrize(
    ("rdtype", "asked", "there", "named"),
    [
        ("TXT", ['"foobar"'], ['"foo" "bar"', '"other"'], ['"foo" "bar"']),
        ("TXT", ['"foobar"'], ['"foo" "bar"', '"foobar"'], ['"foo" "bar"', '"foobar"']),
        ("CAA", ['0 issue "ca.example"'], ['0 ISSUE "ca.example"'], ['0 ISSUE "ca.example"']),
        ("CAA", ['0 issue "ca.example"'], ['0 issue "CA.example"'], ['0 issue "ca.example"']),
        ("MX", ["* MAIL.example."], ["10 mail.example.", "20 mail.example.", "10 b.example."], ["10", "20"]),
        ("SRV", ["* * 443 a.example."], ["1 2 443 a.example.", "1 2 80 a.example."], ["1 2 443 a.example."]),
        ("MX", ["* mail.example.", "10 b.example."], ["10 b.example."], ["10 b.example."]),
    ],
)
def test_a_delete_names_what_is_there_in_whatever_spelling(
    rdtype: str, asked: list[str], there: list[str], named: list[str]
) -> None:
    change = parse_change(ITEM | {"action": "delete", "type": rdtype, "rdata": asked}, ZONE)
    spelled = spelled_as_there(change, values(rdtype, *there))
    texts = sorted(value.to_text() for value in spelled.values)
    assert len(texts) == len(named)
    assert all(text.startswith(start) for text, start in zip(texts, sorted(named), strict=True))
    assert not spelled.is_of_whole_rrset


def test_a_delete_by_pattern_that_nothing_fits_is_not_one_of_the_whole() -> None:
    change = parse_change(ITEM | {"action": "delete", "type": "MX", "rdata": ["* mail.example."]}, ZONE)
    spelled = spelled_as_there(change, values("MX", "10 b.example."))
    assert (spelled.values, spelled.is_of_whole_rrset) == ((), False)


def test_only_a_delete_takes_patterns() -> None:
    with pytest.raises(UnusableChange):
        parse_change(ITEM | {"action": "create", "type": "MX", "rdata": ["* mail.example."]}, ZONE)


def test_what_is_added_takes_the_spelling_that_is_there() -> None:
    change = parse_change(ITEM | {"action": "upsert", "type": "TXT", "rdata": ['"foobar"', '"new"']}, ZONE)
    spelled = spelled_as_there(change, values("TXT", '"foo" "bar"', '"old"'))
    assert [value.to_text() for value in spelled.values] == ['"foo" "bar"', '"new"']


@pytest.mark.parametrize("octets", ["", "00", "05", "0000", "00000000", "03616263", "ff" * 40])
def test_the_roles_read_what_is_accepted_of_every_type_by_its_number(octets: str) -> None:
    numbers = [*range(1, 128), *range(256, 270), 32768, 32769, 65280]
    types = [each for each in map(type_of_number, numbers) if each is not None and each.is_unknown]
    assert len(types) > 50
    for record_type in types:
        try:
            value = canonical(record_type, f"\\# {len(octets) // 2} {octets}")
        except InvalidRdata:
            continue
        assert parse_change({**ITEM, "type": record_type.value, "rdata": [value]}, ZONE).values


def type_of_number(number: int) -> RecordType | None:
    """The type; None for one that is refused."""
    try:
        return RecordType(f"TYPE{number}")
    except ValueError:
        return None
