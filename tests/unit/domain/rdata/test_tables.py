"""What is written is accepted in its canonical form, or refused, as the tables say."""

import pytest

from tests.unit.domain.rdata.cases import Case, accept, cases, name, refusal
from tests.unit.domain.rdata.tables import TABLES


@pytest.mark.parametrize("case", [case for table in TABLES for case in cases(table.GOOD)], ids=name)
def test_accepted(case: Case) -> None:
    accept(case)


@pytest.mark.parametrize("case", [case for table in TABLES for case in cases(table.BAD)], ids=name)
def test_refused(case: Case) -> None:
    assert refusal(case.type, case.written) == case.expected
