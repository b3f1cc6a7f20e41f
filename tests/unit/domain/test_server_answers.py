"""What each server has answered, read out of lines as settlement.py writes them."""

import pytest

from app.domain.server_answers import ServerAnswer, answers_in

ONE, OTHER = "192.0.2.1:53", "[2001:db8::1]:53"
MISSING = "192.0.2.8 is missing"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"answered by {ONE}, {OTHER}", [ServerAnswer(ONE, True), ServerAnswer(OTHER, True)]),
        (
            f"applied, not answered everywhere yet; {OTHER}: {MISSING}",
            [ServerAnswer(ONE, True), ServerAnswer(OTHER, False, MISSING)],
        ),
        (
            f"not answered as asked in time; {ONE}: the TTL is 60, not 300; {OTHER}: {MISSING}",
            [ServerAnswer(ONE, False, "the TTL is 60, not 300"), ServerAnswer(OTHER, False, MISSING)],
        ),
        ("accepted", []),
        ("answered by somebody else", []),
        # A value that a requester has chosen speaks like a server: then nobody is believed.
        (f'not answered as asked in time; {ONE}: there is "x; {OTHER}: {MISSING}; {ONE}: y"', []),
    ],
)
def test_each_server_has_its_own_row(line: str, found: list[ServerAnswer]) -> None:
    assert answers_in([line], [ONE, OTHER]) == found


def test_the_last_line_that_says_it_counts() -> None:
    lines = ["verifying", f"answered by {ONE}", f"applied, not answered everywhere yet; {ONE}: {MISSING}"]
    assert answers_in(lines, [ONE]) == [ServerAnswer(ONE, True)]


def test_nothing_is_read_where_no_server_is_known() -> None:
    assert answers_in([f"x; {ONE}: {MISSING}"], []) == []
