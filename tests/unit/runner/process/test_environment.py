"""What of the worker's environment Ansible gets."""

from pathlib import Path

import pytest

from app.core.config import ROOT, Settings, settings
from app.runner.process.environment import ansible_environment, run_environment

OURS = str(ROOT / "playbooks" / "plugins" / "callback")


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("ANSIBLE_CONFIG", "ANSIBLE_CALLBACK_PLUGINS"):
        monkeypatch.delenv(name, raising=False)


def callbacks(cwd: Path) -> list[str]:
    return run_environment(cwd, cwd / "tmp")["ANSIBLE_CALLBACK_PLUGINS"].split(":")


def test_secrets_of_the_worker_stay_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "KAFKA_CONFIG__SASL_PASSWORD", "HTTPS_PROXY", "TOKEN"):
        monkeypatch.setenv(name, "hidden")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "/etc/vault")
    environment = ansible_environment(["TOKEN"])
    assert [name for name, value in environment.items() if value == "hidden"] == ["TOKEN"]
    assert environment["ANSIBLE_VAULT_PASSWORD_FILE"] == "/etc/vault"


def test_names_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().run_environment == ()
    monkeypatch.setenv("RUN_ENVIRONMENT", "HTTPS_PROXY, PDNS_API_KEY")
    assert Settings().run_environment == ("HTTPS_PROXY", "PDNS_API_KEY")


@pytest.mark.parametrize("written", ["A=B,,C", "A B", "1A", "A,B=secret", "A-B"])
def test_names_are_names(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUN_ENVIRONMENT", written)
    settings.cache_clear()
    with pytest.raises(SystemExit, match="RUN_ENVIRONMENT: must be names of variables") as ended:
        settings()
    assert written not in str(ended.value)


def test_every_run_has_its_own_temporary_folder(tmp_path: Path) -> None:
    environment = run_environment(tmp_path, tmp_path / "scratch")
    assert environment["ANSIBLE_LOCAL_TEMP"] == environment["TMPDIR"] == str(tmp_path / "scratch")


def test_our_plugin_comes_beside_the_default_ones(tmp_path: Path) -> None:
    assert callbacks(tmp_path) == [
        OURS,
        "~/.ansible/plugins/callback",
        "/usr/share/ansible/plugins/callback",
    ]


def test_our_plugin_comes_beside_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\ncallback_plugins = mine:/opt/more ; ours\n")
    assert callbacks(tmp_path) == [OURS, str(tmp_path / "mine"), "/opt/more"]


def test_our_plugin_comes_beside_those_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\ncallback_plugins = mine\n")
    monkeypatch.setenv("ANSIBLE_CALLBACK_PLUGINS", "/opt/one:/opt/two")
    assert callbacks(tmp_path) == [OURS, "/opt/one", "/opt/two"]


def test_the_configuration_that_is_named_counts_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\ncallback_plugins = ignored\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "ansible.cfg").write_text("[defaults]\ncallback_plugins = named\n")
    monkeypatch.setenv("ANSIBLE_CONFIG", str(tmp_path / "etc"))
    assert callbacks(tmp_path) == [OURS, str(tmp_path / "etc" / "named")]


def test_a_broken_configuration_is_left_to_ansible(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text("no section\n")
    assert callbacks(tmp_path)[0] == OURS
