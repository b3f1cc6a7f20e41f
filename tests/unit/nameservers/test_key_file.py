"""Key files as the app reads them; the collection reads the same ones."""

from pathlib import Path

import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136 import key_file

from app.nameservers.key_file import read_key


@pytest.mark.parametrize("comment", ["", "// a comment", '# a "comment', "/* secret */"])
def test_what_looks_like_a_comment_in_a_secret_is_none(tmp_path: Path, comment: str) -> None:
    path = tmp_path / "key"
    secret = "ab//cd//efAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    path.write_text(f'{comment}\nkey "k" {{\n  algorithm hmac-sha256;\n  secret "{secret}"; {comment}\n}};\n')
    assert read_key(path).secret == key_file.read_key(path).secret != b""
