"""The forms that a zone file may give a value (RFC 1035 5.1): every type is read alike in each of them."""

import re

import pytest

from app.domain.errors import InvalidRdata
from app.domain.rdata import RecordType, canonical, wire
from tests.unit.domain.rdata.test_properties import ACCEPTED, TYPES

FIELD = re.compile(r'(?:"(?:[^"\\]|\\.)*"|\\.|[^\s"\\])+')
VALUES = {case.type: case.expected for case in reversed(ACCEPTED) if "\\" not in case.expected}
VALUES[RecordType("TYPE65280")] = r"\# 6 abcdef012345"
VALUES[RecordType.TXT] = '"one" "two; (three)"'
VALUES[RecordType.NAPTR] = '1 2 "u" "" "!^a(;b)$!c!" .'

FORMS = {
    "parentheses": "( {value} )",
    "tight parentheses": "({value})",
    "lines in parentheses": "(\n{lines}\n)",
    "lines of Windows in parentheses": "( {lines_of_windows} )",
    "parentheses from the second field on": "{first} ( {rest} )",
    "blank in front": " {value}",
    "tab in front": "\t{value}",
    "blank behind": "{value} ",
    "tabs behind": "{value}\t\t",
    "line end behind": "{value}\n",
    "line end of Windows behind": "{value}\r\n",
    "tabs between": "{tabs}",
    "blanks between": "{blanks}",
}
TAKEN_AS_IT_IS = {"A", "AAAA", "CNAME", "DNAME", "NS", "PTR"}
WITH_SEVERAL_STRINGS = ("TXT", "HINFO", "NAPTR")


def in_form(form: str, value: str) -> str:
    """The value, written in one of the forms."""
    fields = FIELD.findall(value)
    return form.format(
        value=value,
        first=fields[0],
        rest=" ".join(fields[1:]),
        lines="\n".join(fields),
        lines_of_windows="\r\n\t".join(fields),
        tabs="\t".join(fields),
        blanks="  ".join(fields),
    )


def read(record_type: RecordType, written: str) -> str | None:
    """The canonical form; None where it is refused."""
    try:
        return canonical(record_type, written)
    except InvalidRdata:
        return None


@pytest.mark.parametrize("record_type", TYPES)
def test_the_value_is_the_same_in_every_form(record_type: RecordType) -> None:
    value = VALUES[record_type]
    forms = {in_form(form, value) for form in FORMS.values()}
    expected = dict.fromkeys(forms, None if record_type in TAKEN_AS_IT_IS else value) | {value: value}
    assert {written: read(record_type, written) for written in expected} == expected


@pytest.mark.parametrize("record_type", TYPES)
def test_octets_have_every_form_with_every_type(record_type: RecordType) -> None:
    if record_type is RecordType.TXT:
        return
    octets = wire(record_type, VALUES[record_type])
    for form in FORMS.values():
        written = in_form(form, f"\\# {len(octets)} {octets.hex()}")
        assert canonical(record_type, written) == VALUES[record_type], written


@pytest.mark.parametrize("record_type", WITH_SEVERAL_STRINGS)
def test_quotes_separate_strings(record_type: str) -> None:
    value = VALUES[RecordType(record_type)]
    assert canonical(RecordType(record_type), value.replace('" "', '""')) == value


@pytest.mark.parametrize("record_type", TYPES)
def test_a_comment_is_refused_but_behind_a_text_in_quotes(record_type: RecordType) -> None:
    for form in ("{value} ; comment", "( {first} ; comment\n {rest} )"):
        written = in_form(form, VALUES[record_type])
        expected = VALUES[record_type] if record_type is RecordType.TXT else None
        assert read(record_type, written) == expected, written


@pytest.mark.parametrize("record_type", [each for each in TYPES if each is not RecordType.TXT])
def test_a_line_break_between_fields_needs_parentheses(record_type: RecordType) -> None:
    value = VALUES[record_type]
    if len(FIELD.findall(value)) > 1:
        with pytest.raises(InvalidRdata):
            canonical(record_type, in_form("{lines}", value))
