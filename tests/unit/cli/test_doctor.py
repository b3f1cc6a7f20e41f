"""What `doctor` makes of parts that do not answer, where nobody has said where they are."""

import pytest

from app.cli import examination
from app.cli.examination import examine
from app.core import database
from tests.support.settings import SetSettings


@pytest.mark.parametrize(
    ("part", "variable"), [("PostgreSQL", "DATABASE_URL"), ("Redis", "CELERY_BROKER_URL")]
)
def test_without_a_part_that_everything_needs_it_fails(
    part: str, variable: str, set_settings: SetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError("away")

    monkeypatch.delenv(variable, raising=False)
    set_settings(EXECUTOR="simulated")
    monkeypatch.setattr(database, "require_schema", fail)
    monkeypatch.setattr(examination, "redis", fail)
    found = next(each for each in examine() if each.what == part)
    assert found.state == "failed"
    assert found.words.endswith(f": away ({variable} is not set)")
