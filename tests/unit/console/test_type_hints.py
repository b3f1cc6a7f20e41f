"""The examples of the grid are what can be asked for, with the cells that it shows for the type."""

import pytest

from app.console.type_hints import HINTS
from app.domain.change_row import ChangeRow
from app.domain.rdata import RecordType
from app.services.requests.batch import read_items
from app.services.requests.draft import Draft
from app.services.requests.validate import read_changes

_NAMES = {RecordType.SRV: "_sip._tcp.example.test", RecordType.PTR: "1.2.0.192.in-addr.arpa"}


@pytest.mark.parametrize("kind", HINTS)
def test_every_example_is_valid(kind: RecordType) -> None:
    hint = HINTS[kind]
    numbers = {cell: "yes" if cell == "manage_ptr" else "10" for cell in hint.cells}
    row = ChangeRow(name=_NAMES.get(kind, "www.example.test"), type=kind.value, value=hint.example, **numbers)
    [draft] = read_changes(read_items([row.as_item({"account_id": "team-a"}, {})]))
    assert isinstance(draft, Draft)
    assert draft.reasons == []
