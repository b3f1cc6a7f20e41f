"""Secrets are hidden by their value."""

from pathlib import Path

import pytest

from app.runner.ansible.redaction import Redactor, backend_redactor


def test_longer_secrets_go_first() -> None:
    assert Redactor(["secret", "secret-and-more", ""]).clean("secret-and-more secret") == "******** ********"


@pytest.mark.parametrize("file", ["dns_tsig_key_file", "dns_verify_key_file", "dns_transfer_key_file"])
def test_secrets_of_a_run(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tsig.key"
    path.write_text(
        'key "a" { algorithm hmac-sha256; secret "c2VjcmV0MQ=="; };\nkey b { secret c2VjcmV0Mg==; };'
    )
    monkeypatch.setenv("API_TOKEN", "token-value")
    monkeypatch.setenv("SHORT", "on")
    redactor = backend_redactor({file: str(path)}, ["API_TOKEN", "SHORT", "UNSET"])
    assert redactor.clean("c2VjcmV0MQ== c2VjcmV0Mg== token-value on") == "******** ******** ******** on"


@pytest.mark.parametrize("path", [None, "", 7, "/no/such/file", "{{ lookup('env', 'X') }}"])
def test_a_key_file_that_is_not_there_hides_nothing(path: object) -> None:
    assert backend_redactor({"dns_tsig_key_file": path}, []).clean("as it is") == "as it is"
