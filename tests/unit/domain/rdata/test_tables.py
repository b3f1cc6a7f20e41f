"""What is written is accepted in its canonical form, or refused, as the tables say."""

from collections import defaultdict
from collections.abc import Mapping

import pytest

from app.domain.rdata import RecordType
from tests.unit.domain.rdata.cases import cases, fate
from tests.unit.domain.rdata.tables import TABLES


def by_type() -> Mapping[RecordType, Mapping[str, str]]:
    """What becomes of what is written, for each type."""
    found: defaultdict[RecordType, dict[str, str]] = defaultdict(dict)
    for table in TABLES:
        for case in (*cases(table.GOOD), *cases(table.BAD)):
            found[case.type][case.written] = case.expected
    return found


@pytest.mark.parametrize(("record_type", "expected"), by_type().items(), ids=by_type())
def test_each_is_accepted_or_refused(record_type: RecordType, expected: Mapping[str, str]) -> None:
    fates = {written: fate(record_type, written) for written in expected}
    assert {written: found for written, found in fates.items() if found != expected[written]} == {}
