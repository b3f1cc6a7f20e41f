"""The grid of new changes: read from a form, and judged as the API judges a plan."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

from app.console.forms import Form
from app.domain.change import Via
from app.domain.change_files import MAX_ROWS
from app.domain.change_row import ChangeRow, cell_of
from app.domain.errors import InvalidInput, Reason
from app.domain.permissions import Caller
from app.services.plan.keep import Plan
from app.services.plan.make import How, plan_by_records
from app.services.requests.batch import Call
from app.services.requests.draft import Refused

CONTEXT = ("account_id", "reason", "ticket", "not_before")
PLACE = ("zone", "view")
FLAGS = ("atomic", "ask_servers", "allow_mass_change")


@dataclass(frozen=True)
class Order:
    """What is in the grid: its rows, and the fields that are about all of them."""

    rows: Sequence[ChangeRow]
    fields: Mapping[str, str] = field(default_factory=dict)


class Wrong(NamedTuple):
    """What is wrong with a cell of a row."""

    cell: str
    message: str
    code: str


@dataclass(frozen=True)
class Seen:
    """What is wrong with each row of an order, and with all of it; its plan where it could be made."""

    wrong: Sequence[Sequence[Wrong]]
    of_form: Sequence[Reason] = ()
    plan: Plan | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether anything is."""
        return bool(self.of_form) or any(self.wrong)


def read_order(form: Form) -> Order:
    """Return what stands in the form. Raises InvalidInput where there are too many rows."""
    columns = [form.texts(name) for name in ChangeRow._fields]
    if max(map(len, columns), default=0) > MAX_ROWS:
        raise InvalidInput([Reason(("form",), "too_many_items", f"{MAX_ROWS} rows are allowed")], "form")
    rows = [ChangeRow(*map(str.strip, cells)) for cells in zip_longest(*columns, fillvalue="")]
    fields = {name: form.text(name) or "" for name in (*CONTEXT, *PLACE, *FLAGS)}
    return Order(rows, fields)


def see(order: Order, caller: Caller) -> Seen:
    """Judge the rows that are not blank, as a plan by the records does."""
    numbers = [number for number, row in enumerate(order.rows) if not row.is_blank]
    nothing: list[list[Wrong]] = [[] for _ in order.rows]
    if not numbers:
        return Seen(nothing, [Reason(("form",), "nothing_to_change", "no row has a change")])
    items = [order.rows[number].as_item(_context(order), _place(order)) for number in numbers]
    how = How(*(bool(order.fields.get(flag)) for flag in ("atomic", "allow_mass_change", "ask_servers")))
    try:
        plan = plan_by_records(items, Call(via=Via.CONSOLE, caller=caller), how)
    except InvalidInput as error:
        return Seen(nothing, error.reasons)
    for number, item in zip(numbers, plan.planned, strict=True):
        if isinstance(item, Refused):
            nothing[number] = [
                Wrong(cell_of(each.loc), each.message, each.code) for each in _of_row(item.reasons)
            ]
    return Seen(nothing, _of_fields(plan.planned), plan)


def _of_row(reasons: Iterable[Reason]) -> Iterable[Reason]:
    return (each for each in reasons if not _is_of_fields(each))


def _of_fields(planned: Iterable[Any]) -> Sequence[Reason]:
    """Return what is wrong with the fields that are about all rows, each once."""
    of_all = (each for item in planned if isinstance(item, Refused) for each in item.reasons)
    return list({(each.code, each.message): each for each in of_all if _is_of_fields(each)}.values())


def _is_of_fields(reason: Reason) -> bool:
    return any(word in (*CONTEXT, *PLACE) for word in reason.loc)


def _context(order: Order) -> Mapping[str, str]:
    return {"source": "console"} | {name: order.fields[name] for name in CONTEXT if order.fields.get(name)}


def _place(order: Order) -> Mapping[str, str]:
    return {name: order.fields[name] for name in PLACE if order.fields.get(name)}
