"""The results of changes, all of them made here, and the results file."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from .change import Change

Outcome = Literal["applied", "unchanged", "failed"]


class Result(NamedTuple):
    """What became of one change; `code` is stable and set when it failed, `message` is for a person."""

    outcome: Outcome
    message: str
    code: str | None = None


class Reason(NamedTuple):
    """Why a server did not carry out a change; `code` is stable, `text` is for a person."""

    code: str
    text: str


def unchanged(change: Change) -> Result:
    """Return the result of a change that asks for what is there already."""
    return Result("unchanged", f"{change} is already as requested")


def applied(verb: str, change: Change) -> Result:
    """Return the result of a change that was carried out; `verb` says how: "added", "set to", "removed"."""
    values = ", ".join(value.to_text() for value in change.values[:3])
    more = f" and {len(change.values) - 3} more" if len(change.values) > 3 else ""
    return Result("applied", f"{change}: {verb} {values or 'all values'}{more}")


def failed(code: str, message: str) -> Result:
    """Return the result of a change that failed."""
    return Result("failed", message, code)


def refused(change: Change, reason: Reason) -> Result:
    """Return the result of a change that the server did not carry out."""
    return failed(reason.code, f"{change}: {reason.text}")


# --- changes that cannot be carried out, given the RRsets that are at the name


def rrset_missing(change: Change) -> Result:
    """Return the result of an update of an RRset that does not exist."""
    return failed("rrset_missing", f"there is no {change} to update")


def data_beside_cname(change: Change) -> Result:
    """Return the result of adding data to a name that has a CNAME (RFC 1034 section 3.6.2)."""
    return failed("cname_conflict", f"{_owner(change)} has a CNAME, and no other data may be beside it")


def cname_at_apex(change: Change) -> Result:
    """Return the result of a CNAME at the apex, beside the SOA (RFC 1912 section 2.4)."""
    return failed(
        "cname_conflict", f"{_owner(change)} is the apex of the zone, whose SOA and NS exclude a CNAME"
    )


def cname_beside_data(change: Change) -> Result:
    """Return the result of a CNAME at a name that has other data (RFC 1034 section 3.6.2)."""
    return failed("cname_conflict", f"{_owner(change)} has other data, and a CNAME must be alone")


def several_cnames(change: Change) -> Result:
    """Return the result of a change that asks for more than one CNAME (RFC 2181 section 10.1)."""
    return failed("cname_exists", f"{_owner(change)} can have only one CNAME")


def another_cname(change: Change) -> Result:
    """Return the result of a CNAME at a name that has a different one (RFC 2181 section 10.1)."""
    return failed("cname_exists", f"{_owner(change)} already has another CNAME")


def last_apex_ns(change: Change) -> Result:
    """Return the result of a change that would leave the zone without an NS (RFC 2136 section 3.4.2.4)."""
    return failed("apex_ns_last", f"{_owner(change)} must keep at least one NS")


def too_large(change: Change) -> Result:
    """Return the result of a change to more data than a message can hold (RFC 1035 section 4.2.2)."""
    return failed("too_large", f"{change}: the RRset does not fit in a message")


def _owner(change: Change) -> str:
    return change.name.to_text(omit_final_dot=True)


# --- the results file


def write_results(path: Path, results: Mapping[str, Result]) -> None:
    """Write a results file, whole or not at all, from results by request id. Raises OSError."""
    items = [{"request_id": request_id, **result._asdict()} for request_id, result in results.items()]
    unfinished = path.with_name(f"{path.name}.unfinished")
    with open(
        os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump(items, file)
    unfinished.replace(path)
