"""The results file: what became of each change."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

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
