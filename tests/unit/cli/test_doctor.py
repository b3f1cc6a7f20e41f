"""What `doctor` makes of parts that do not answer, where nobody has said where they are; and of files."""

import ssl
from pathlib import Path

import pytest

from app.cli import examination
from app.cli.examination import examine
from app.cli.examined_settings import examine_settings
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


@pytest.mark.parametrize("name", ["API_CA_FILE", "OIDC_CA_FILE", "WEBHOOK_CA_FILE"])
def test_ca_files_are_loaded(name: str, set_settings: SetSettings, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    system = ssl.get_default_verify_paths().cafile
    assert found(name, set_settings, system) == ("ok", f"{system} can be read")
    for file, why in (("none", "No such file or directory"), ("empty", "there is no certificate in it")):
        state, words = found(name, set_settings, tmp_path / file)
        assert (state, words.startswith(f"{tmp_path / file} can't be used ({why}), so ")) == ("failed", True)


def test_the_export_folder_is_written_to(set_settings: SetSettings, tmp_path: Path) -> None:
    assert found("EXPORT_FOLDER", set_settings, tmp_path) == ("ok", f"{tmp_path} can be written to")
    assert not [*tmp_path.iterdir()]
    assert found("EXPORT_FOLDER", set_settings, tmp_path / "none")[0] == "warning"
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").touch()
    state, words = found("EXPORT_FOLDER", set_settings, tmp_path / "file")
    assert (state, "can't be written to (Not a directory)" in words) == ("failed", True)


def found(name: str, set_settings: SetSettings, path: object) -> tuple[str, str]:
    set_settings(EXECUTOR="simulated", **{name: str(path)})
    [finding] = [each for each in examine_settings() if each.what == name]
    return finding.state, finding.words
