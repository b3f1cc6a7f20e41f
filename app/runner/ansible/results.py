"""The results file, read with suspicion: a playbook of somebody else wrote it."""

import json
import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from app.domain.change import ChangeResult, Outcome
from app.runner.ansible.redaction import Redactor

MAX_FILE = 64 * 1024 * 1024  # bytes
MAX_MESSAGE = 1_000  # characters
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Reading(NamedTuple):
    """What could be understood, and in words what could not."""

    results: Mapping[UUID, ChangeResult]
    problems: Sequence[str]

    @property
    def summary(self) -> str:
        """The first problem, and how many more there are."""
        more = f", and {len(self.problems) - 1} more" if len(self.problems) > 1 else ""
        return f"the results file {self.problems[0]}{more}" if self.problems else ""


class _Nonsense(Exception):
    pass


def read_results(path: Path, asked: Iterable[UUID], redactor: Redactor) -> Reading:
    """Return what the file says about the changes that were asked for. What it does not say is unknown."""
    try:
        items = _load(path)
    except _Nonsense as error:
        return Reading({}, [str(error)])
    return _Reader(set(asked), redactor).read(items)


def _load(path: Path) -> list[Any]:
    try:
        text = _read_regular(path)
        items = json.loads(text)
    except FileNotFoundError:
        raise _Nonsense("was not written") from None
    except OSError as error:
        raise _Nonsense(f"can't be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise _Nonsense("is not JSON") from None
    if not isinstance(items, list):
        raise _Nonsense("holds no list")
    return items


def _read_regular(path: Path) -> bytes:
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _Nonsense("is no ordinary file")
        text = file.read(MAX_FILE + 1)
    if len(text) > MAX_FILE:
        raise _Nonsense(f"is larger than {MAX_FILE} bytes")
    return text


class _Reader:
    def __init__(self, asked: set[UUID], redactor: Redactor) -> None:
        self._asked = asked
        self._redactor = redactor
        self._results: dict[UUID, ChangeResult] = {}
        self._contradicted: set[UUID] = set()
        self._nonsense: list[str] = []

    def read(self, items: list[Any]) -> Reading:
        for number, item in enumerate(items):
            try:
                self._take(item)
            except _Nonsense as error:
                self._nonsense.append(f"can't be understood: item {number} {error}")
        clear = {key: value for key, value in self._results.items() if key not in self._contradicted}
        return Reading(clear, self._nonsense)

    def _take(self, item: Any) -> None:
        if not isinstance(item, dict):
            raise _Nonsense("is no object")
        request_id = self._request_id(item)
        result = self._result(item)
        if self._results.setdefault(request_id, result).outcome != result.outcome:
            self._contradicted.add(request_id)
            raise _Nonsense("contradicts an earlier one")

    def _request_id(self, item: Mapping[str, Any]) -> UUID:
        try:
            request_id = UUID(item["request_id"])
        except (KeyError, ValueError, TypeError, AttributeError):
            raise _Nonsense("has no request_id") from None
        if request_id not in self._asked:
            raise _Nonsense("is about a request that was not asked for")
        return request_id

    def _result(self, item: Mapping[str, Any]) -> ChangeResult:
        try:
            outcome = Outcome(item["outcome"])
        except (KeyError, ValueError, TypeError):
            raise _Nonsense("has no outcome of applied, unchanged, failed") from None
        code, message = item.get("code"), item.get("message")
        if not (isinstance(code, str) and _CODE.fullmatch(code)):
            code = "playbook_failed" if outcome is Outcome.FAILED else None
        if not isinstance(message, str) or not message.strip():
            message = "the playbook gives no reason" if outcome is Outcome.FAILED else None
        return ChangeResult(outcome, code, message and self._redactor.line(message, MAX_MESSAGE))
