"""TSIG keys from files in BIND's syntax."""

import base64
from pathlib import Path

import dns.name
import dns.tsig
import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import KeyFileError
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.key_file import read_key

SECRET = base64.b64encode(b"//a secret whose base64 has slashes??").decode()


def write(folder: Path, text: str) -> Path:
    path = folder / "tsig.key"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        f'key "orch" {{\n\talgorithm hmac-sha256;\n\tsecret "{SECRET}";\n}};\n',
        f"key orch {{ secret {SECRET}; algorithm HMAC-SHA256; }};",
        f'# new\nkey "orch" {{ // the name\n/* a\nblock */ algorithm hmac-sha256; secret "{SECRET}"; }}',
    ],
)
def test_a_key_in_any_layout(tmp_path: Path, text: str) -> None:
    key = read_key(write(tmp_path, text))
    assert key.name == dns.name.from_text("orch")
    assert key.algorithm == dns.tsig.HMAC_SHA256
    assert base64.b64encode(key.secret).decode() == SECRET


def test_md5_by_its_short_name(tmp_path: Path) -> None:
    key = read_key(write(tmp_path, f'key "orch" {{ algorithm hmac-md5; secret "{SECRET}"; }};'))
    assert key.algorithm == dns.tsig.HMAC_MD5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must hold one key"),
        (SECRET, "must hold one key"),
        (f'key "a" {{ algorithm hmac-sha256; secret "{SECRET}"; }}; key "b" {{ }};', "must hold one key"),
        (f'key "a" {{ algorithm rot13; secret "{SECRET}"; }};', "names no algorithm"),
        (f'key "a" {{ secret "{SECRET}"; }};', "names no algorithm"),
        ('key "a" { algorithm hmac-sha256; secret "%%%"; };', "no usable name and secret"),
        ('key "a" { algorithm hmac-sha256; };', "no usable name and secret"),
        (f'key "a..b" {{ algorithm hmac-sha256; secret "{SECRET}"; }};', "no usable name and secret"),
    ],
)
def test_what_is_no_key_is_said_without_quoting_it(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(KeyFileError, match=reason) as error:
        read_key(write(tmp_path, text))
    assert SECRET not in str(error.value)


def test_a_file_that_is_missing_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        read_key(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KeyFileError, match="it is not text"):
        read_key(tmp_path / "binary")
