"""The page about growth says of every table what bounds it."""

import re

from app.store.models import Base
from stack.paths import ROOT

PAGE = (ROOT / "docs" / "how-to" / "growth.md").read_text()
TABLES = PAGE.partition("## What bounds each table")[2]


def test_every_table_is_said_to_be_bounded() -> None:
    rows = re.findall(r"^\| (`.+?) \|", TABLES, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(Base.metadata.tables)
