"""Where the API is and who calls, from arguments, the environment and profiles."""

import asyncio
from pathlib import Path

import pytest

from dns_orchestrator import AsyncClient, Client, ConfigurationError, ConnectionFailed, Retries
from dns_orchestrator.call import part
from dns_orchestrator.settings import find_settings
from tests.support.pages import shown

URL = "http://127.0.0.1:1"  # where nobody listens
PROFILES = shown("client/README.md", "[profiles.production]").text


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for profiles, and an environment that says nothing."""
    for name in ("URL", "TOKEN", "TOKEN_FILE", "ACCOUNT", "PROFILE"):
        monkeypatch.delenv(f"DNS_ORCHESTRATOR_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    made = tmp_path / "dns-orchestrator"
    made.mkdir()
    return made


def test_nothing_set_is_the_api_of_make_up_and_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "Ann O'Neil")
    found = find_settings()
    assert (found.url, found.token, found.account_id) == ("http://localhost:8000", None, "Ann-O-Neil")


def test_the_profile_that_the_readme_shows_is_read(folder: Path, tmp_path: Path) -> None:
    (folder / "config.toml").write_text(PROFILES)
    (tmp_path / ".secrets").mkdir()
    (tmp_path / ".secrets/dns").write_text("secret\n")
    found = find_settings()
    assert (found.url, found.token, found.account_id) == ("https://dns.example.net", "secret", "team-a")
    assert "secret" not in repr(found)


def test_a_file_that_everybody_can_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "token"
    file.write_text("secret\n")
    monkeypatch.setenv("DNS_ORCHESTRATOR_TOKEN_FILE", str(file))
    for mode, said in ((0o600, 0), (0o644, 1)):
        file.chmod(mode)
        assert find_settings().token == "secret"
        assert caplog.text.count(f"chmod 600 {file}") == said


def test_who_is_closed_makes_no_calls() -> None:
    async def call_when_closed() -> None:
        async with AsyncClient(URL) as awaiting:
            pass
        await awaiting.zones.list()

    with Client(URL) as blocking:
        pass
    with pytest.raises(ConfigurationError, match="closed"):
        blocking.zones.list()
    with pytest.raises(ConfigurationError, match="closed"):
        asyncio.run(call_when_closed())


def test_arguments_beat_the_environment_which_beats_the_profile(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "config.toml").write_text('[profiles.a]\nurl = "http://a"\naccount = "a"\n')
    monkeypatch.setenv("DNS_ORCHESTRATOR_URL", "http://b/")
    found = find_settings(account_id="c", profile="a")
    assert (found.url, found.account_id) == ("http://b", "c")


def test_a_token_has_an_account_and_the_user_is_not_asked_for() -> None:
    assert find_settings(token="t").account_id is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[profiles.b]\n", "has no profile 'a': it has b"),
        ("[profiles.a]\nurll = 'x'\n", "urll"),
        ("[", "config.toml"),
        ("[profiles.a]\ntoken_file = '/absent'\n", "the token can't be read"),
        ("[profiles.a]\ntoken_file = '~nobody-of-this-name/a'\n", "there is no home"),
        ("[profiles.a]\nurl = 5\n", "a text"),
        ("[[profiles]]\na = 1\n", "a text"),
        ("[profiles]\na = 'x'\n", "a text"),
    ],
)
def test_a_profile_that_can_not_be_used_is_named(folder: Path, text: str, words: str) -> None:
    (folder / "config.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        find_settings(profile="a")


def test_without_a_home_the_folders_are_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "~nobody-of-this-name")
    with pytest.raises(ConfigurationError, match="XDG_CONFIG_HOME"):
        find_settings()


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:port", "http://127.0.0.1/\x1b"])
def test_a_url_that_is_none_is_a_setting_to_mend(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Client(url)


@pytest.mark.parametrize("token", ["secrét", "secret\nmore"])
def test_a_token_that_can_not_be_sent_is_not_quoted(token: str) -> None:
    with pytest.raises(ConfigurationError, match="characters") as raised, Client(URL, token) as dns:
        dns.service.alive()
    assert "secr" not in str(raised.value)


def test_a_password_in_the_url_is_not_quoted() -> None:
    url = "http://ann:secret@127.0.0.1:1"
    with Client(url, retries=Retries(attempts=1)) as dns, pytest.raises(ConnectionFailed) as raised:
        dns.service.alive()
    assert "secret" not in str(raised.value)


def test_a_name_of_steps_stays_a_name() -> None:
    assert [part(name) for name in ("a/../b", ".", "0/25.test")] == ["a/%2E%2E/b", "%2E", "0/25.test"]
