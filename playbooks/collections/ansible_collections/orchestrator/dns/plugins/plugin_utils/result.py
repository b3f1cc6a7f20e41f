"""The results file: what became of each change."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import dns.name
import dns.rdatatype

from .change import Change

Outcome = Literal["applied", "unchanged", "failed"]


class Result(NamedTuple):
    """What became of one change; `code` is stable and set when it failed, `message` is for a person."""

    outcome: Outcome
    message: str
    code: str | None = None


def failed(code: str, message: str) -> Result:
    """Return the result of a change that failed."""
    return Result("failed", message, code)


def write_results(path: Path, results: Mapping[str, Result]) -> None:
    """Write a results file, whole or not at all. Raises OSError."""
    items = [{"request_id": request_id, **result._asdict()} for request_id, result in results.items()]
    unfinished = path.with_name(f"{path.name}.unfinished")
    with open(
        os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump(items, file)
    unfinished.replace(path)


def unchanged(change: Change) -> Result:
    """It was so already."""
    return Result("unchanged", f"{change} was so already")


def applied(verb: str, change: Change) -> Result:
    """It was done: `verb` and the values."""
    values = ", ".join(value.to_text() for value in change.values[:3])
    more = f" and {len(change.values) - 3} more" if len(change.values) > 3 else ""
    return Result("applied", f"{change}: {verb} {values or 'all values'}{more}")


def rrset_missing(change: Change) -> Result:
    """An update of nothing."""
    return failed("rrset_missing", f"there is no {change} to update")


def beside_cname(change: Change) -> Result:
    """Data where a CNAME is."""
    return failed("cname_conflict", f"a CNAME is at {_owner(change)}, and nothing may be beside it")


def cname_at_apex(change: Change) -> Result:
    """A CNAME at the apex."""
    return failed("cname_conflict", f"{_owner(change)} is the apex: SOA and NS leave no place for a CNAME")


def cname_beside_data(change: Change) -> Result:
    """A CNAME where other data is."""
    return failed("cname_conflict", f"other data is at {_owner(change)}, and a CNAME must be alone")


def several_cnames(change: Change) -> Result:
    """More than one CNAME at once."""
    return failed("cname_exists", f"{_owner(change)} can have one CNAME only")


def second_cname(change: Change) -> Result:
    """A CNAME where another is."""
    return failed("cname_exists", f"{_owner(change)} has another CNAME already")


def last_apex_ns(change: Change) -> Result:
    """The removal of the zone's last NS."""
    return failed("apex_ns_last", f"{_owner(change)} must keep at least one NS")


def too_large(change: Change) -> Result:
    """More data than a message can hold (RFC 1035 section 4.2.2)."""
    return failed("too_large", f"{change}: the RRset does not fit in a message")


def is_apex_ns(change: Change, zone: dns.name.Name) -> bool:
    """Whether it is about the zone's own NS RRset, of which one must stay."""
    return change.type == dns.rdatatype.NS and change.name == zone


def _owner(change: Change) -> str:
    return change.name.to_text(omit_final_dot=True)
