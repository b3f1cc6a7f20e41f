"""Where PowerDNS's API is, and the key to it."""

from pathlib import Path

import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import KeyFileError
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.api import Api
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.key_file import read_api_key

from app.runner.ansible.redaction import backend_redactor


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8081", "https://dns.example.net/", "http://[::1]:8081/prefix"]
)
def test_an_address_of_an_api(url: str) -> None:
    assert str(Api(url, "key", 1)) in url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "dns.example.net:8081",
        "file:///etc/passwd",
        "http://",
        "http://user:password@host",
        "http://h/?a=b",
    ],
)
def test_what_is_no_address_of_an_api(url: str) -> None:
    with pytest.raises(ValueError, match="dns_api_url") as error:
        Api(url, "key", 1)
    assert "password" not in str(error.value)


def test_certificates_that_are_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Api("https://127.0.0.1", "key", 1, tmp_path / "none.pem")


def test_a_key_alone_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "api.key"
    path.write_text("top-secret\n")
    assert read_api_key(path) == "top-secret"
    assert (
        backend_redactor({"dns_api_key_file": str(path)}, []).clean("X-API-Key: top-secret")
        == "X-API-Key: ********"
    )


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"two words", b"two\nlines", b"\xff\xfe", "schlüssel".encode()]
)
def test_what_is_no_key_is_said_without_quoting_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "api.key"
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match=str(path)) as error:
        read_api_key(path)
    assert "two" not in str(error.value).replace(str(path), "")


def test_a_key_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        read_api_key(tmp_path / "none")
