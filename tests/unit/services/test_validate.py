"""What a body says by itself: one reason for one fault, and never very many."""

import time
from typing import Any

import pytest

from app.domain import rdata
from app.domain.change import Action
from app.domain.checks import Checks
from app.domain.reasons import MAX_BATCH_REASONS, MAX_REASONS, MORE
from app.domain.zone_settings import PLAIN
from app.schemas.request import MAX_TARGET
from app.services.requests.draft import Draft, RawChange, Refused
from app.services.requests.place import place_in_zone
from app.services.requests.validate import read_change, read_changes
from tests.support.builders import ZONE, body


def read(**fields: Any) -> Draft:
    return read_change(RawChange(Action.CREATE, body(ZONE, **fields)))


def codes(draft: Draft) -> list[str]:
    placed = place_in_zone(draft, {ZONE: PLAIN[Checks.WARN]})
    return [reason.code for reason in placed.reasons] if isinstance(placed, Refused) else []


@pytest.mark.parametrize(
    ("record_type", "target", "expected"),
    [
        ("A", "", ["ipv4_invalid"]),
        ("CNAME", "", ["target_invalid"]),
        ("TXT", "", []),
        ("TXT", ["", "x"], []),
        ("A", [], ["too_short"]),
        ("A", 7, ["string_type"]),
        ("A", {}, ["string_type"]),
        ("A", [7], ["string_type"]),
        ("A", ["", "192.0.2.1"], ["ipv4_invalid"]),
        ("A", ["192.0.2.1"] * 101, ["too_long"]),
        ("A", None, ["target_missing"]),
        ("TXT", "x" * 64_000, ["text_too_long"]),
        ("TXT", "x" * 63_738, []),
        ("TXT", ["x" * 40_000, "y" * 40_000], ["rrset_too_large"]),
        ("TXT", "x" * 300_000, ["string_too_long"]),
        ("a", "192.0.2.1", []),
        ("Txt", "x", []),
        ("wks", "x", ["type_refused"]),
        ("SPF", "v=spf1 -all", ["type_refused"]),
        ("type48", "x", ["number_invalid", "apex_only"]),
        ("TYPE6", "x", ["type_refused"]),
        ("ANY", None, ["type_refused"]),
        ("TYPE0", r"\# 0", ["type_refused"]),
        ("TYPE65536", r"\# 0", ["enum"]),
        ("TYPE" + "9" * 5000, r"\# 0", ["enum"]),
        ("TYPE065280", r"\# 0", ["enum"]),
        ("foo", "x", ["enum"]),
        ("type1", "192.0.2.1", []),
        ("TYPE65280", r"\# 4 0a000001", ["type_not_allowed"]),
        ("TYPE65280", r"\# 4 0a0000", ["generic_invalid", "type_not_allowed"]),
    ],
)
def test_one_fault_has_one_reason(record_type: str, target: Any, expected: list[str]) -> None:
    assert codes(read(record_type=record_type, target=target)) == expected


def test_the_same_text_twice_counts_once() -> None:
    assert read(record_type="TXT", target=["foobar", '"foo" "bar"']).rdata == ['"foobar"']


@pytest.mark.parametrize("action", [Action.CREATE, Action.DELETE])
def test_values_are_read_no_further_than_one_message_can_hold(action: Action) -> None:
    values = [f"{number} {'x' * 60_000}" for number in range(4)]
    draft = read_change(RawChange(action, body(ZONE, record_type="TXT", target=values)))
    assert codes(draft) == ["rrset_too_large"]
    assert len(draft.rdata) == 2


@pytest.mark.parametrize("text", ["x" * 60_000, r"\001" * 15_000])
def test_values_that_no_message_could_hold_however_they_are_written_are_not_read(text: str) -> None:
    """Six megabytes of them; each of these, in one string, would be refused for itself."""
    values = [f'"{number} {text}"' for number in range(100)]
    draft = read_change(RawChange(Action.CREATE, body(ZONE, record_type="TXT", target=values)))
    assert [(each.code, each.message) for each in draft.reasons] == [
        ("rrset_too_large", f"the values together have more than {MAX_TARGET} characters")
    ]
    assert draft.rdata == []


@pytest.mark.parametrize(
    "text", ["", "x", 'a "b" \\ ; ü\x7f', "ü" * 200, "x" * 255, "x" * 256, '"a" "b\\"c\\065" ""']
)
def test_a_text_takes_as_many_octets_as_are_counted(text: str) -> None:
    value = rdata.canonical(rdata.RecordType.TXT, text)
    head = rdata.octets(rdata.RecordType.TXT, ['""'], exact=True) - 1
    assert rdata.octets(rdata.RecordType.TXT, [value], exact=True) - head == len(
        rdata.wire(rdata.RecordType.TXT, value)
    )


def test_values_that_are_longer_as_they_are_written_than_in_a_message_are_read_to_the_last() -> None:
    escaped = r"\001" * 160
    values = [f'"{number}{escaped}"' for number in range(100)]
    draft = read(record_type="TXT", target=values)
    assert codes(draft) == []
    assert len(draft.rdata) == 100


def test_unknown_fields_beyond_all_measure_are_only_counted() -> None:
    started = time.process_time()
    draft = read_change(RawChange(Action.CREATE, {f"k{number}": 0 for number in range(200_000)}))
    assert time.process_time() - started < 1
    assert len(draft.reasons) == MAX_REASONS + 1
    assert {reason.code for reason in draft.reasons[:-1]} == {"extra_forbidden"}
    assert (draft.reasons[-1].code, draft.reasons[-1].message) == (MORE, "and 199900 more")


@pytest.mark.parametrize("where", ["context", "resource", "config"])
def test_unknown_fields_anywhere(where: str) -> None:
    item = body(ZONE, config={})
    part = item["resource"]["config"] if where == "config" else item[where]
    part |= {f"k{number}": 0 for number in range(150)}
    assert read_change(RawChange(Action.CREATE, item)).reasons[-1].message == "and 50 more"


def test_reasons_of_many_sorts_are_counted_together() -> None:
    draft = read(target=["bad"] * 100, comment="\a", domain="a..b")
    assert len(draft.reasons) == MAX_REASONS + 1
    assert draft.reasons[-1].message == "and 2 more"


def test_a_batch_gets_the_first_reasons_and_then_one_for_each_item() -> None:
    items = [RawChange(Action.CREATE, body(ZONE, target=["bad"] * 100)) for _ in range(3_000)]
    good = RawChange(Action.CREATE, body(ZONE))
    drafts = read_changes([*items, good])
    assert sum(len(draft.reasons) for draft in drafts) < MAX_BATCH_REASONS + 3_000
    assert all(draft.reasons for draft in drafts[:-1])
    assert codes(drafts[-2]) == ["ipv4_invalid"]
    assert codes(drafts[-1]) == []


@pytest.mark.parametrize("value", ["x" * 200_000, "\u202e" * 1_000, "\\" * 2_000])
def test_no_message_repeats_a_value_whole(value: str) -> None:
    for record_type in ("A", "AAAA", "CNAME", "MX", "SRV", "NS", "PTR", "CAA"):
        for reason in read(record_type=record_type, target=value, domain=value).reasons:
            assert len(reason.message) < 700
