"""Changes with conditions go only to a playbook that is known to honour them."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.core.config import SHIPPED_PLAYBOOK
from app.domain.change import NOTHING
from app.domain.errors import InventoryError
from app.runner.ansible.honours import CONDITIONS, honoured, not_to_be_sent
from tests.support.builders import change

OWN = Path("/etc/dns/provision.yml")


@pytest.mark.parametrize(
    ("variables", "playbook", "expected"),
    [
        ({}, SHIPPED_PLAYBOOK, CONDITIONS),
        ({}, OWN, frozenset()),
        ({"dns_honours": ["expect"]}, OWN, frozenset({"expect"})),
        ({"dns_honours": []}, SHIPPED_PLAYBOOK, frozenset()),
    ],
)
def test_what_a_playbook_honours(variables: dict[str, Any], playbook: Path, expected: frozenset[str]) -> None:
    assert honoured(variables, playbook) == expected


@pytest.mark.parametrize("listed", ["expect", ["expect", "other"], {"expect": True}, 1, [["expect"]]])
def test_what_is_no_list_of_conditions(listed: Any) -> None:
    with pytest.raises(InventoryError, match="dns_honours"):
        honoured({"dns_honours": listed}, OWN)


def test_what_is_not_honoured_is_not_sent() -> None:
    plain = change("create", "a", "A", "192.0.2.1")
    expecting = replace(change("create", "b", "A", "192.0.2.1"), expect=NOTHING)
    grouped = replace(change("create", "c", "A", "192.0.2.1"), group=uuid4())
    changes = [plain, expecting, grouped]
    assert not_to_be_sent(changes, CONDITIONS) == {}
    assert list(not_to_be_sent(changes, ["expect"])) == [grouped.request_id]
    found = not_to_be_sent(changes, [])
    assert {result.code for result in found.values()} == {"not_honoured"}
    assert list(found) == [expecting.request_id, grouped.request_id]
