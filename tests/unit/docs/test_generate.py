"""What pages have of the code is what the code has; each setting has a meaning."""

import re

from app.core.config import Settings
from docs.generate import settings
from docs.generate.pages import DOCS, PART, SOURCES, stale_pages


def test_what_is_made_of_the_code_is_up_to_date() -> None:
    assert sorted(stale_pages()) == [], "run `make reference`"


def test_every_source_has_its_page() -> None:
    pages = (path.read_text() for path in (DOCS / "reference").glob("*.md"))
    assert sorted(found[2] for text in pages for found in PART.finditer(text)) == sorted(SOURCES)


def test_every_setting_has_a_meaning_and_a_group() -> None:
    meanings = settings.meanings()
    assert list(meanings) == list(Settings.model_fields)
    assert [name for name, meaning in meanings.items() if not meaning] == []
    assert settings.tables().strip().startswith("## ")


def test_a_setting_says_what_it_may_be() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", settings.tables(), re.MULTILINE))
    assert rows["EXECUTOR"] == "`auto`, `ansible`, `simulated`"
    assert rows["BATCH_LIMIT"] == "a whole number, 1 to 65536"
    assert rows["BACKLOG_LIMIT"] == "a whole number, 0 or more"
    assert rows["LEASE"] == "a number above 0"
    assert rows["DOCS"] == "`true`, `false`"


def test_a_part_that_is_not_up_to_date_is_found() -> None:
    path = DOCS / "reference" / "settings.md"
    made = PART.sub(lambda part: part[1] + part[3], path.read_text())
    assert "| `LEASE` |" not in made
    assert "| `LEASE` |" in path.read_text()
