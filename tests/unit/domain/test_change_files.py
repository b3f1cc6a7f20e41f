"""Files of changes: what each kind becomes, all that is wrong with one, and nothing but that for any text."""

import json
import time
from collections.abc import Sequence
from itertools import product, starmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.change_files import MAX_ROWS, read_changes_file
from app.domain.change_row import ChangeRow
from app.domain.errors import InvalidInput, Reason
from app.domain.reasons import MAX_REASONS
from tests.support.thoroughly import thoroughly

ZONE = "example.test"
Found = Sequence[tuple[tuple[str | int, ...], str]]


def against(text: str, zone: str | None = None) -> Found:
    """Where each reason against a file points, and its code."""
    with pytest.raises(InvalidInput) as caught:
        read_changes_file(text, zone)
    return [(each.loc[1:], each.code) for each in caught.value.reasons]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name,type,ttl,value\nwww,A,60,192.0.2.1\n\n", [ChangeRow("", "www", "A", "60", "192.0.2.1")]),
        ('"Name";"Type";"Value"\r\nwww;TXT;"a;b"\r\n', [ChangeRow("", "www", "TXT", "", "a;b")]),
        (
            'Action,Domain,Record type,Data\nDELETE,www,A,"192.0.2.1\n192.0.2.2",\n',
            [ChangeRow("delete", "www", "A", "", "192.0.2.1\n192.0.2.2")],
        ),
        ("www\tTXT\t60\thello there\n", [ChangeRow("", "www", "TXT", "60", "hello there")]),
        ("delete,www,A\n", [ChangeRow("delete", "www", "A")]),
        (
            "name,type,value,ptr,comment\nwww,A,192.0.2.1,TRUE,a host\n",
            [ChangeRow(name="www", type="A", value="192.0.2.1", manage_ptr="yes", comment="a host")],
        ),
        (
            '{"domain": "www", "record_type": "A", "config": {"manage_ptr": false}, "comment": "b"}',
            [ChangeRow(name="www", type="A", manage_ptr="no", comment="b")],
        ),
        ("\ufeffname,type,value\nwww,A,192.0.2.1", [ChangeRow("", "www", "A", "", "192.0.2.1")]),
        (
            '{"action": "Create", "name": "s", "type": "SRV", "value": ["a.", "b."], "port": 5}\n',
            [ChangeRow("create", "s", "SRV", "", "a.\nb.", "", "", "5")],
        ),
        (
            json.dumps(
                {
                    "requests": [
                        {
                            "action": "create",
                            "context": {"account_id": "team-a"},
                            "resource": {
                                "record_type": "SRV",
                                "domain": "s",
                                "target": "a.",
                                "config": {"ttl": 60, "priority": 1, "extra_config": {"weight": 2}},
                            },
                        }
                    ]
                },
                indent=1,
            ),
            [ChangeRow("create", "s", "SRV", "60", "a.", "1", "2", "")],
        ),
        (
            "; made by hand, on a Monday; again\n$TTL 60\n@ SOA ns a 1 2 3 4 5\n"
            "www\tA\t192.0.2.1\n  A 192.0.2.2\n",
            [ChangeRow("upsert", f"www.{ZONE}", "A", "60", "192.0.2.1\n192.0.2.2")],
        ),
        ("w 60 TXT a,b,c\n", [ChangeRow("upsert", f"w.{ZONE}", "TXT", "60", '"a,b,c"')]),
    ],
)
def test_kinds_of_files(text: str, expected: Sequence[ChangeRow]) -> None:
    assert read_changes_file(text, ZONE) == expected


def test_a_master_file_may_say_its_zone_itself() -> None:
    [row] = read_changes_file(f"$ORIGIN {ZONE}.\nwww 60 A 192.0.2.1\n", None)
    assert row.name == f"www.{ZONE}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name,type,colour\nwww,A,red\n", [(("line", 1), "file_invalid")]),
        ("name,type,domain\nwww,A,red\n", [(("line", 1), "file_invalid")]),
        (
            "name,type,value\nw,A,192.0.2.1,x\nw,A,192.0.2.1,\nw,A,1,2\n",
            [(("line", 2), "file_invalid"), (("line", 4), "file_invalid")],
        ),
        ("action,name,type\nremove,www,A\n", [(("line", 2), "file_invalid")]),
        ('name,type,value\nwww,TXT,"a\n', [(("line", 2), "file_invalid")]),
        ('{"name": "a"}\n{nothing}\n[]\n', [(("line", 2), "file_invalid"), (("line", 3), "file_invalid")]),
        (
            '[{"name": 1.5}, {"name": "a"}, {"colour": "x"}]',
            [(("change", number), "file_invalid") for number in (1, 3)],
        ),
        ('{"name": "\\ud800"}', [(("change", 1), "file_invalid")]),
        ('{"name": "a", "value": {"deep": 1}}', [(("change", 1), "file_invalid")]),
        ('{"resource": "a"}', [(("change", 1), "file_invalid")]),
        (
            '{"name": "a", "context": {"not_before": "2030-01-01T00:00:00Z"}}',
            [(("change", 1), "file_invalid")],
        ),
        ("[" * 100_000, [(("line", 1), "file_invalid")]),
        ("www IN A 192.0.2.9\n", [(("zone",), "zone_missing")]),
        ("", [(("zone",), "zone_missing")]),
        ("[]", [(("file",), "file_invalid")]),
        (
            f"$ORIGIN {ZONE}.\n$TTL 60\na A 1\nb A 192.0.2.1\nc NOTYPE x\n",
            [(("line", 3), "master_file_invalid"), (("line", 5), "master_file_invalid")],
        ),
        ("w,A,,192.0.2.1\n" * (MAX_ROWS + 1), [(("file",), "too_many_items")]),
    ],
)
def test_all_that_is_wrong_is_said(text: str, expected: Found) -> None:
    assert against(text) == expected


def test_a_zone_that_is_no_name_is_said() -> None:
    assert against("www A 192.0.2.1", "a..b")[0][0] == ("zone",)


PIECES = [
    "name",
    "type",
    "value",
    "A",
    "TXT",
    "60",
    "IN",
    "www",
    "$ORIGIN ",
    "\r\n",
    "$TTL",
    "create",
    "delete",
]
PIECES += [
    "$GENERATE 1-9 a$ A 192.0.2.$",
    "192.0.2.1",
    "\x00",
    '{"name": "a"}',
    "\\ud800",
    "é",
    "\u2028",
    "null",
]
PIECES += ["1e999", '"resource":', '"config":', '"requests":', "ttl", *"\n\n\t,;\"'{}[]()$@.\\ "]
KEYS = ["name", "type", "value", "resource", "config", "extra_config", "context", "requests"]
texts = st.text() | st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
)


def read_any(text: str, zone: str | None) -> None:
    """Read a file; rows or reasons, what is found is bounded, and can be sent."""
    found: Sequence[ChangeRow | Reason]
    try:
        found, most = read_changes_file(text, zone), MAX_ROWS
    except InvalidInput as error:
        found, most = error.reasons, MAX_REASONS + 1
    assert 0 < len(found) <= most
    sent = [part.encode() for each in found for part in each if isinstance(part, str)]
    assert len(sent) >= len(found)


@given(texts, st.none() | st.just(ZONE) | st.text(max_size=5))
def test_any_text_is_rows_or_reasons(text: str, zone: str | None) -> None:
    read_any(text, zone)


@given(json_values)
def test_any_json_is_rows_or_reasons(value: object) -> None:
    read_any(json.dumps([value]), None)


LINES = ["", ";", "w,A,,192.0.2.1", "x,y,z,1,2,3", '"a,b', "{}", "{", "a A x", "$TTL 60", "( ", "\\", '"']
LINES += ["$GENERATE 0-99999 a$ A 192.0.2.1", "$ORIGIN a.", "w\tA\t"]
SLOWEST = [("$ORIGIN a.", "\n"), ("( ", " "), ("x,y,z,1,2,3", "\n"), ("{", "\n")]  # of each kind of file
OTHERS = [pair for pair in product(LINES, "\n ") if pair not in SLOWEST]


@pytest.mark.parametrize(("line", "end"), [*SLOWEST, *starmap(thoroughly, OTHERS)])
def test_a_large_file_is_bounded_in_time(line: str, end: str) -> None:
    text = f"{line}{end}" * (19_900 if end == "\n" else 1_000_000 // len(line + end))
    began = time.process_time()
    with pytest.raises(InvalidInput):
        read_changes_file(text, ZONE)
    assert time.process_time() - began < 3


def test_a_file_of_very_many_lines_is_refused() -> None:
    assert against("\n" * 1_000_000) == [(("file",), "file_too_large")]
