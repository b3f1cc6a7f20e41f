"""The configurations of BIND that pages show are such as BIND takes."""

import re
import subprocess
from pathlib import Path

import pytest

from stack.debian import library_path, unpacked
from stack.paths import PACKAGES
from tests.support.pages import Block, all_blocks

SHOWN = [block for block in all_blocks() if block.language == "named"]
KEY = 'key "{name}" {{ algorithm hmac-sha256; secret "c2VjcmV0"; }};\n'


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: f"{block.page}:{block.line}")
def test_bind_takes_it(block: Block, tmp_path: Path) -> None:
    for name in re.findall(r'"/etc/bind/(\w+)\.key"', block.text):
        (tmp_path / f"{name}.key").write_text(KEY.format(name=name))
    configuration = tmp_path / "named.conf"
    configuration.write_text(block.text.replace("/etc/bind/", f"{tmp_path}/"))
    root = unpacked("bind9", PACKAGES)
    command = [f"{root}/usr/bin/named-checkconf", str(configuration)]
    environment = {"LD_LIBRARY_PATH": library_path(root)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
