"""Settings that are secrets can be given in files."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from app.core.config import Settings, doubtful_settings, misspelt_settings, settings
from tests.support.settings import SetSettings

URL = "postgresql://u:from-a-file@h/d"


@pytest.fixture
def url_file(tmp_path: Path) -> Path:
    """A file with the database's address, as an editor writes it."""
    path = tmp_path / "database-url"
    path.write_text(f"{URL}\r\n")
    path.chmod(0o640)
    return path


def test_every_setting_that_is_a_secret(set_settings: SetSettings, url_file: Path, tmp_path: Path) -> None:
    redis, password = tmp_path / "redis", tmp_path / "password"
    redis.write_text("rediss://:s@h:6379/0")
    password.write_text(" two words \n")
    set_settings(
        DATABASE_URL_FILE=str(url_file),
        CELERY_BROKER_URL_FILE=str(redis),
        KAFKA_CONFIG__SASL_PASSWORD_FILE=str(password),
        KAFKA_CONFIG__SASL_USERNAME="me",
        KAFKA_CONFIG__SASL_OAUTHBEARER_ASSERTION_FILE="/a/path/of/librdkafka",
    )
    found = settings()
    assert found.database_url.get_secret_value() == URL
    assert found.celery_broker_url.get_secret_value() == "rediss://:s@h:6379/0"
    assert found.kafka == {
        "bootstrap.servers": "localhost:9092",
        "sasl.password": " two words ",
        "sasl.username": "me",
        "sasl.oauthbearer.assertion.file": "/a/path/of/librdkafka",
    }
    assert {"database_url", "celery_broker_url"} <= found.model_fields_set
    assert misspelt_settings() == []


def test_a_new_one_needs_no_word_of_its_own(monkeypatch: pytest.MonkeyPatch, url_file: Path) -> None:
    class Later(Settings):
        door_key: SecretStr | None = None
        door_file: Path | None = None  # no secret: the path itself is the setting

    monkeypatch.setenv("DOOR_KEY_FILE", str(url_file))
    monkeypatch.setenv("DOOR_FILE", "/etc/door")
    later = Later()
    assert later.door_key is not None
    assert later.door_key.get_secret_value() == URL
    assert later.door_file == Path("/etc/door")


def test_what_can_not_be_read_is_named_all_at_once_and_shown_nowhere(
    set_settings: SetSettings, url_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    variables = {
        "DATABASE_URL_FILE": str(url_file),
        "DATABASE_URL": "postgresql://u:in-the-environment@h/d",
        "CELERY_BROKER_URL_FILE": str(tmp_path / "nothing"),
        "KAFKA_CONFIG__SASL_PASSWORD_FILE": str(tmp_path / "empty"),
        "KAFKA_CONFIG__SSL_KEY_PASSWORD_FILE": str(tmp_path / "binary"),
    }
    set_settings(**variables)
    with pytest.raises(SystemExit) as stopped:
        settings()
    said = str(stopped.value)
    for words in (
        "DATABASE_URL is set as well: set one of the two",
        "No such file or directory",
        "the file is empty",
        "the file is no text in UTF-8",
    ):
        assert words in said
    assert len(said.splitlines()) == 6
    assert "in-the-environment" not in said
    assert "from-a-file" not in said


def test_a_bad_value_from_a_file_is_named_and_not_shown(set_settings: SetSettings, url_file: Path) -> None:
    url_file.write_text("mysql://u:from-a-file@h/d")
    set_settings(DATABASE_URL_FILE=str(url_file))
    with pytest.raises(SystemExit, match="DATABASE_URL: must be postgresql://") as stop:
        settings()
    assert "from-a-file" not in str(stop.value)


def test_a_file_that_everybody_may_read_is_doubtful(set_settings: SetSettings, url_file: Path) -> None:
    set_settings(DATABASE_URL_FILE=str(url_file))
    assert doubtful_settings() == []
    url_file.chmod(0o644)
    [line] = doubtful_settings()
    assert "DATABASE_URL_FILE" in line
    assert Settings().database_url.get_secret_value() == URL
    token_file = url_file.with_name("token")
    url_file.rename(token_file)
    url_file.write_text(URL)
    url_file.chmod(0o600)
    set_settings(API_TOKEN_FILE=str(token_file))
    [line] = doubtful_settings()
    assert "API_TOKEN_FILE" in line
