"""What requesters are told follows from statuses and codes."""

import re
from pathlib import Path

from app.domain.lifecycle import Status
from app.domain.told import of_failure, of_plan, of_status

ROOT = Path(__file__).parents[3]
PAGES = {"errors.md": "## Failed requests", "playbooks.md": "| `code` | what happened to the change |"}


def documented_codes() -> set[str]:
    """The codes with which requests fail, as two pages list them."""
    found: set[str] = set()
    for page, start in PAGES.items():
        _, _, rest = (ROOT / "docs" / "reference" / page).read_text().partition(start)
        table = re.search(r"(?:^\|.*\n)+", rest, re.MULTILINE)
        assert table
        for cell in re.findall(r"^\| (`.*?) \|", table[0], re.MULTILINE):
            found |= set(re.findall(r"`(\w+)`", cell))
    return found


def test_each_documented_code_has_words_of_its_own() -> None:
    codes = documented_codes() - {"code", "hidden"}
    assert len(codes) > 25
    assert sorted(code for code in codes if code in of_failure(code)) == []


def test_the_code_of_an_own_playbook_is_said() -> None:
    assert "quota_reached" in of_failure("quota_reached")


def test_a_status_without_words_is_said_itself() -> None:
    assert [of_status(status) for status in Status if "_" in of_status(status)] == []
    assert of_status(Status.AWAITING_APPROVAL) == "awaiting approval"


def test_a_plan_by_the_servers() -> None:
    assert of_plan("failed", "rrset_missing") == of_failure("rrset_missing")
    assert of_plan("failed", None) == "it would fail"
    assert of_plan("unknown", "hidden").startswith("what the servers have is not known")
