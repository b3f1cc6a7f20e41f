"""The grid of new changes: read from a form, and judged as the API judges a plan."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import NamedTuple

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
        return see_reasons(order, error.reasons)
    found = [
        reason._replace(loc=("requests", index, *reason.loc))
        for index, item in enumerate(plan.planned)
        if isinstance(item, Refused)
        for reason in item.reasons
    ]
    return replace(see_reasons(order, found), plan=plan)


def see_reasons(order: Order, reasons: Iterable[Reason]) -> Seen:
    """Return the reasons against a batch beside the cells that they are about; each of the others once."""
    numbers = [number for number, row in enumerate(order.rows) if not row.is_blank]
    wrong: list[list[Wrong]] = [[] for _ in order.rows]
    of_form: dict[tuple[str, str], Reason] = {}
    for each in reasons:
        index = _index_in(each.loc)
        if index is None or any(word in (*CONTEXT, *PLACE) for word in each.loc):
            of_form.setdefault((each.code, each.message), _in_words_of_the_form(each))
        else:
            wrong[numbers[index]].append(Wrong(cell_of(each.loc), each.message, each.code))
    return Seen(wrong, list(of_form.values()))


def _index_in(loc: Sequence[str | int]) -> int | None:
    """Return of which item of the batch a place is; None where it is of none."""
    if "requests" not in loc:
        return None
    rest = loc[loc.index("requests") + 1 :]
    return rest[0] if rest and isinstance(rest[0], int) else None


def _in_words_of_the_form(reason: Reason) -> Reason:
    if reason.code == "mass_change":
        message = f"{reason.message.partition(';')[0]}; tick “Many changes at once are meant” to allow it"
        return reason._replace(loc=(), message=message)
    named = [word for word in reason.loc if word in (*CONTEXT, *PLACE)]
    return reason._replace(loc=("form", *named))


def _context(order: Order) -> Mapping[str, str]:
    return {"source": "console"} | {name: order.fields[name] for name in CONTEXT if order.fields.get(name)}


def _place(order: Order) -> Mapping[str, str]:
    return {name: order.fields[name] for name in PLACE if order.fields.get(name)}
