"""Every command and example of the documentation is run or judged by a test, or it is said why not."""

from app.core.config import ROOT
from tests.support.pages import (
    ELSEWHERE,
    FOLLOWED,
    FOLLOWED_BY_TOKEN,
    JUDGED,
    NO_COMMAND,
    NOT_RUN,
    all_blocks,
    blocks,
    exception,
)


def test_every_block_says_its_language() -> None:
    assert [block.place for block in all_blocks() if not block.language] == []


def test_somebody_runs_every_command_or_it_is_said_why_not() -> None:
    followed = {*FOLLOWED, *FOLLOWED_BY_TOKEN}
    alone = [
        block.place
        for block in all_blocks()
        if block.language not in NO_COMMAND | JUDGED
        and exception(block) is None
        and not (block.language == "bash" and block.page in followed)
    ]
    assert alone == [], "have tests/support/pages.py say who runs it"


def test_every_exception_is_about_one_block() -> None:
    for page, said in [*ELSEWHERE.items(), *NOT_RUN.items()]:
        for words in said:
            found = [block.place for block in blocks(page) if words in block.text]
            assert len(found) == 1, (page, words)


def test_a_test_that_runs_commands_of_a_page_exists() -> None:
    for said in ELSEWHERE.values():
        assert [test for test in said.values() if not (ROOT / test).is_file()] == []
