"""The results of changes, all of them made here, and the results file."""

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import dns.name
import dns.rdtypes.ANY.CDNSKEY
import dns.rdtypes.ANY.CDS
import dns.rdtypes.ANY.MX
from dns.rdata import Rdata
from dns.rdatatype import CDNSKEY, CDS, CSYNC, DNAME, MX

from .change import Change, State

# Types of which some value stands alone, or any: RFC 7505 3, RFC 8078 4, RFC 6672 2.4, RFC 7477 2.
STAND_ALONE = frozenset({MX, CDS, CDNSKEY, DNAME, CSYNC})

MAX_MESSAGE = 500  # characters of a message
_MAX_VALUE = 60  # characters of a value that a message repeats
_VERBS = {"create": "added", "update": "set to", "upsert": "set to", "delete": "removed"}
_RESERVED = 1_000  # bytes of the results file for each change, whatever will be said of it
MAX_BEFORE = 8_000_000  # characters of values that were there before, in one results file

HIDDEN = "hidden"  # the code of what is not known; of dry runs alone

Outcome = Literal["applied", "unchanged", "failed"]


class WriteResults(Protocol):
    """Writes results by request id, and which of several primaries they are of."""

    def __call__(self, results: Mapping[str, "Result"], server: str | None = None) -> None:
        """Write the file. Raises OSError."""


class Result(NamedTuple):
    """What became of one change; `code` is stable and set when it failed, `message` is for a person.

    `before` is the RRset that was there when it was the change's turn; None if that is not known. `note` says
    why others than the server may not learn of it.
    """

    outcome: Outcome
    message: str
    code: str | None = None
    before: State | None = None
    note: str | None = None


class Reason(NamedTuple):
    """Why a server did not carry out a change; `code` is stable, `text` is for a person."""

    code: str
    text: str


def unchanged(change: Change) -> Result:
    """Return the result of a change that asks for what is there already."""
    return Result("unchanged", f"{change} is already as requested")


def applied(change: Change) -> Result:
    """Return the result of a change that was carried out."""
    values = _listed([*(value.to_text() for value in change.values), *change.patterns])
    return Result("applied", f"{change}: {_VERBS[change.action]} {values or 'all values'}")


def _listed(texts: Sequence[str]) -> str:
    shown = (text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}…" for text in texts[:3])
    return ", ".join(shown) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")


def _text(value: object) -> str:
    return value.to_text() if isinstance(value, Rdata) else str(value)


def failed(code: str, message: str) -> Result:
    """Return the result of a change that failed."""
    return Result("failed", message, code)


def no_answer(change: Change, why: object) -> Result:
    """Return the result of a change that was sent and not answered."""
    return failed("no_answer", f"{change}: sent, and nobody knows whether it was carried out: {why}")


def refused(change: Change, reason: Reason) -> Result:
    """Return the result of a change that the server did not carry out."""
    return failed(reason.code, f"{change}: {reason.text}")


# --- changes that cannot be carried out, given the RRsets that are at the name


def rrset_missing(change: Change) -> Result:
    """Return the result of an update of an RRset that does not exist."""
    return failed("rrset_missing", f"there is no {change} to update")


def state_changed(change: Change, there: State) -> Result:
    """Return the result of a change that expects another RRset than is there."""
    return failed(
        "state_changed", f"{change}: there is {_in_words(there)}, expected was {_in_words(change.expect)}"
    )


def atomic_failed(change: Change, culprit: Change) -> Result:
    """Return the result of a change that was not carried out because another one of its group failed."""
    return failed("atomic_failed", f"{change}: not carried out, because {culprit} of the same group failed")


def all_or_none(changes: Sequence[Change], results: Sequence[Result]) -> Sequence[Result]:
    """Return the results of a group's changes: if one has failed, the others have as well."""
    culprit = next(
        (
            change
            for change, each in zip(changes, results, strict=True)
            if each.outcome == "failed" and each.code != HIDDEN
        ),
        None,
    )
    if culprit is None:
        return results
    return [
        each if each.outcome == "failed" else atomic_failed(change, culprit)
        for change, each in zip(changes, results, strict=True)
    ]


def _in_words(state: State | None) -> str:
    if not state or not state.values:
        return "nothing"
    ttl = "" if state.ttl is None else f" with the TTL {state.ttl}"
    return f"{_listed(sorted(map(_text, state.values)))}{ttl}"


def data_beside_cname(change: Change) -> Result:
    """Return the result of adding data to a name that has a CNAME (RFC 1034 section 3.6.2)."""
    return failed("cname_conflict", f"{_owner(change)} has a CNAME, and no other data may be beside it")


def alone_conflict(change: Change, there: Collection[object]) -> Result | None:
    """Return the failure of a create that would leave a value beside others that stands alone, or None.

    `there` are the values of the RRset; those that can't be read are their texts.
    """
    if several := several_dnames(change):
        return several
    if change.action != "create" or change.type not in STAND_ALONE:
        return None
    together = {*there, *change.values}
    if len(together) < 2:
        return None
    if change.type == MX and any(
        isinstance(value, dns.rdtypes.ANY.MX.MX) and value.exchange == dns.name.root for value in together
    ):
        return failed("null_mx_not_alone", f"{_owner(change)} has another MX, and a null MX stands alone")
    if change.type in (CDS, CDNSKEY) and any(map(_says_no_ds, together)):
        message = f"{change} has another value, and one that says that there is to be no DS stands alone"
        return failed("cds_delete_not_alone", message)
    if change.type in (DNAME, CSYNC):
        return failed("single_value", f"{change} has another value, and there is one at most")
    return None


def several_dnames(change: Change) -> Result | None:
    """Return the failure of a change that asks for several DNAMEs, of which the second kills Knot 3.2."""
    if change.type != DNAME or len(change.values) < 2:
        return None
    return failed("single_value", f"{change}: a name has one DNAME at most (RFC 6672 2.4)")


def _says_no_ds(value: object) -> bool:
    """Return whether it is a CDS or a CDNSKEY of the algorithm 0 (RFC 8078 section 4)."""
    kinds = dns.rdtypes.ANY.CDS.CDS | dns.rdtypes.ANY.CDNSKEY.CDNSKEY
    return isinstance(value, kinds) and not value.algorithm


def cname_conflict(
    change: Change, zone: dns.name.Name, there: Collection[object], *, has_other_data: bool
) -> Result | None:
    """Return the failure of a CNAME that can't be at its name, or None.

    `there` are the values of the CNAME that is at the name, `has_other_data` says whether other types are.
    """
    if change.name == zone:
        return cname_at_apex(change)
    if len(change.values) > 1:
        return several_cnames(change)
    if has_other_data:
        return cname_beside_data(change)
    if change.action == "create" and there and set(there) != set(change.values):
        return another_cname(change)
    return None


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


def hidden(change: Change) -> Result:
    """Return the result, in a dry run, of a change of which nobody can tell before what becomes of it."""
    return failed(
        HIDDEN, f"{change}: the server does not show what is there, at or below a delegation: not known"
    )


def hidden_from_pattern(change: Change) -> Result:
    """Return the result of a deletion by pattern where the server's answers do not show what is there."""
    return failed(
        "refused", f"{change}: it is below a delegation, where the values to delete must be named whole"
    )


def _owner(change: Change) -> str:
    return change.name.to_text(omit_final_dot=True)


# --- the results file


@contextmanager
def results_file(path: Path, changes: int) -> Iterator[WriteResults]:
    """Yield what writes the results of so many changes, by request id, to a file that is whole or not there.

    It takes the results, and which of several primaries they are of.

    Its room is reserved before the block: a full disk is found before anything is sent, not after it.
    Raises OSError.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def write(results: Mapping[str, Result], server: str | None = None) -> None:
        content = _dump(results, server)
        try:
            os.posix_fallocate(descriptor, 0, len(content) or 1)
        except OSError:  # what was there before is more than there is room for, and can be done without
            content = _dump(
                {request_id: result._replace(before=None) for request_id, result in results.items()}, server
            )
        file.write(content)
        file.truncate()
        file.close()
        unfinished.replace(path)

    try:
        with open(descriptor, "wb") as file:
            os.posix_fallocate(descriptor, 0, (changes + 1) * _RESERVED)
            yield write
    finally:
        unfinished.unlink(missing_ok=True)


def _dump(results: Mapping[str, Result], server: str | None) -> bytes:
    texts = _Texts()
    of_all = {"server": server} if server else {}
    return json.dumps([_as_json(*result, texts) | of_all for result in results.items()]).encode()


def _as_json(request_id: str, result: Result, texts: "_Texts") -> dict[str, Any]:
    item: dict[str, Any] = {
        "request_id": request_id,
        "outcome": result.outcome,
        "code": result.code,
        "message": result.message[:MAX_MESSAGE],
    }
    if result.note is not None:
        item["note"] = result.note[:MAX_MESSAGE]
    if result.before is not None and (rdata := texts.of(result.before)) is not None:
        item["before"] = {"ttl": result.before.ttl if rdata else None, "rdata": rdata}
    return item


class _Texts:
    """Makes texts of values, up to a bound: thousands of changes of one RRset would have it as often."""

    def __init__(self) -> None:
        self._left = MAX_BEFORE

    def of(self, state: State) -> list[str] | None:
        if self._left <= 0:
            return None
        texts = sorted(map(_text, state.values))
        self._left -= sum(map(len, texts))
        return texts
