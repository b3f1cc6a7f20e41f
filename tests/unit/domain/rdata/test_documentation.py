"""The examples of docs/reference/records.md are true, and no type is missing there."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from app.core.config import ROOT
from app.domain.errors import InvalidRdata
from app.domain.rdata import RecordType, canonical, why_refused

PAGE = (ROOT / "docs" / "reference" / "records.md").read_text()
EXAMPLE = re.compile(
    r"(?P<type>\S+) +(?P<target>.*?)(?: +(?P<config>\{.*\}))? +(?P<sign>[→✗]) (?P<result>.*)"
)


class Example(NamedTuple):
    type: str
    target: str
    config: dict[str, Any]
    accepted: bool
    result: str


def examples() -> Iterator[Example]:
    for block in re.findall(r"```records\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            found = EXAMPLE.fullmatch(line)
            assert found, line
            config = json.loads(found["config"] or "{}")
            yield Example(
                found["type"], found["target"], config, found["sign"] == "→", found["result"].strip()
            )


def outcome(example: Example) -> str:
    """The canonical form, or the code of the refusal."""
    priority, extra = example.config.get("priority"), example.config.get("extra_config", {})
    try:
        return canonical(RecordType(example.type), example.target, priority=priority, extra=extra)
    except InvalidRdata as error:
        return error.code


@pytest.mark.parametrize(
    "example", list(examples()), ids=lambda example: f"{example.type} {example.target[:40]}"
)
def test_examples(example: Example) -> None:
    assert outcome(example) == example.result
    assert example.accepted is not bool(re.fullmatch(r"[a-z0-9]+_[a-z_]+", example.result))


def test_every_type_has_an_example_of_what_is_accepted() -> None:
    shown = {RecordType(example.type) for example in examples() if example.accepted}
    assert set(RecordType) <= shown


def test_types_that_are_refused() -> None:
    table = PAGE[PAGE.index("| refused (`type_refused`)") : PAGE.index("## What servers")]
    for row in re.findall(r"^\| ([A-Z][^|]+) \|", table, re.MULTILINE):
        for name in re.findall(r"[A-Z0-9]+", row):
            assert why_refused(name), name
            with pytest.raises(ValueError, match=name):
                RecordType(name)
