"""Reads the results file. Nothing in it is taken for granted: an operator's playbook has written it."""

import json
import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from app.domain.change import MAX_TTL, NOTHING, Change, ChangeResult, Outcome, RRsetState
from app.domain.errors import InvalidRdata, InventoryError
from app.domain.rdata import RecordType, over_the_wire
from app.runner.ansible.inventory import read_server
from app.runner.ansible.redaction import Redactor

MAX_FILE = 64 * 1024 * 1024  # bytes
MAX_MESSAGE = 1_000  # characters
MAX_VALUES, MAX_OCTETS = (
    6_000,
    300_000,
)  # of an RRset that was there before: what a DNS message can hold, as text
_NOTHING = NOTHING.as_json()
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class ParsedResults(NamedTuple):
    """The results that could be understood, and in words what is wrong with the rest of the file."""

    results: Mapping[UUID, ChangeResult]
    problems: Sequence[str]

    @property
    def summary(self) -> str:
        """The first problem, and how many more there are, as a sentence; empty when there is none."""
        more = f", and {len(self.problems) - 1} more" if len(self.problems) > 1 else ""
        return f"the results file {self.problems[0]}{more}" if self.problems else ""


class _Invalid(Exception):
    """The text continues a sentence: "the results file …", or "item 3 …"."""


def read_results(path: Path, asked: Iterable[Change], redactor: Redactor) -> ParsedResults:
    """Return the results of the changes in `asked`; one that has no valid result in the file is left out."""
    try:
        items = _load(path)
    except _Invalid as error:
        return ParsedResults({}, [str(error)])
    return _Reader({change.request_id: change for change in asked}, redactor).read(items)


def _load(path: Path) -> list[Any]:
    try:
        text = _read_regular(path)
        items = json.loads(text)
    except FileNotFoundError:
        raise _Invalid("was not written") from None
    except OSError as error:
        raise _Invalid(f"can't be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise _Invalid("is not JSON") from None
    if not isinstance(items, list):
        raise _Invalid("is not a list")
    return items


def _read_regular(path: Path) -> bytes:
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _Invalid("is not a regular file")
        text = file.read(MAX_FILE + 1)
    if len(text) > MAX_FILE:
        raise _Invalid(f"is larger than {MAX_FILE} bytes")
    return text


class _Reader:
    def __init__(self, asked: Mapping[UUID, Change], redactor: Redactor) -> None:
        self._asked = asked
        self._redactor = redactor
        self._results: dict[UUID, ChangeResult] = {}
        self._contradictory: set[UUID] = set()
        self._problems: list[str] = []

    def read(self, items: list[Any]) -> ParsedResults:
        for number, item in enumerate(items):
            try:
                self._take(item)
            except _Invalid as error:
                self._problems.append(f"can't be understood: item {number} {error}")
        clear = {key: value for key, value in self._results.items() if key not in self._contradictory}
        return ParsedResults(clear, self._problems)

    def _take(self, item: Any) -> None:
        if not isinstance(item, dict):
            raise _Invalid("is not an object")
        request_id = self._request_id(item)
        result = self._result(item, self._asked[request_id])
        if self._results.setdefault(request_id, result).outcome != result.outcome:
            self._contradictory.add(request_id)
            raise _Invalid("contradicts an earlier one")

    def _request_id(self, item: Mapping[str, Any]) -> UUID:
        try:
            request_id = UUID(item["request_id"])
        except (KeyError, ValueError, TypeError, AttributeError):
            raise _Invalid("has no request_id") from None
        if request_id not in self._asked:
            raise _Invalid("is about a request that was not asked for")
        return request_id

    def _result(self, item: Mapping[str, Any], change: Change) -> ChangeResult:
        try:
            outcome = Outcome(item["outcome"])
        except (KeyError, ValueError, TypeError):
            raise _Invalid("has no outcome of applied, unchanged, failed") from None
        code, message = item.get("code"), item.get("message")
        if not (isinstance(code, str) and _CODE.fullmatch(code)):
            code = "playbook_failed" if outcome is Outcome.FAILED else None
        if not isinstance(message, str) or not message.strip():
            message = "the playbook gives no reason" if outcome is Outcome.FAILED else None
        message = message and self._redactor.line(message, MAX_MESSAGE)
        before = self._before(item.get("before"), change)
        return ChangeResult(outcome, code, message, before, _server(item.get("server")), self._note(item))

    def _note(self, item: Mapping[str, Any]) -> str | None:
        note = item.get("note")
        return self._redactor.line(note, MAX_MESSAGE) if isinstance(note, str) and note.strip() else None

    def _before(self, item: Any, change: Change) -> RRsetState | None:
        """Return what was there before the change; None if that is not said, or can't be understood."""
        if item is None or item == _NOTHING:
            return NOTHING if item else None
        try:
            ttl, rdata = item["ttl"], item["rdata"]
            if not (
                isinstance(rdata, list) and len(rdata) <= MAX_VALUES and sum(map(len, rdata)) <= MAX_OCTETS
            ):
                raise ValueError
            if not (ttl is None or (type(ttl) is int and 0 <= ttl <= MAX_TTL)):
                raise ValueError
            record_type = RecordType(change.type)
            values = (each if each in change.rdata else over_the_wire(record_type, each) for each in rdata)
            return RRsetState(ttl, tuple(sorted(set(values))))
        except (TypeError, KeyError, ValueError, AttributeError, InvalidRdata):
            self._problems.append(f'can\'t be understood: the "before" of {change.key}')
            return None


def _server(written: Any) -> str | None:
    """Return the name of the server as the inventory's servers are named; None if it is not said."""
    if not isinstance(written, str) or len(written) > MAX_MESSAGE:
        return None
    try:
        return str(read_server(written))
    except InventoryError:
        return None
