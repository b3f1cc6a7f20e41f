"""Has real Ansible read changes files, in a process of its own: run as a script, it answers a path a line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_FILE = "lookup('ansible.builtin.file', changes_file)"
READERS = {
    "from_json": f"{_FILE} | from_json",
    "from_yaml": f"{_FILE} | from_yaml",
    "from_yaml_all": f"({_FILE} | from_yaml_all | list)[0]",
    "template": "lookup('ansible.builtin.template', changes_file) | from_json",
    "template and YAML": "lookup('ansible.builtin.template', changes_file) | from_yaml",
    "unvault": "lookup('ansible.builtin.unvault', changes_file) | from_json",
    "lines": "lookup('ansible.builtin.pipe', 'cat ' ~ changes_file) | from_json",
    "transformed": f"{_FILE} | from_json | map('combine', {{}}) | list | to_json | from_json",
}


class Readers:
    """The process, as a test talks to it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def read(self, path: Path) -> dict[str, Any]:
        """What each reader makes of a changes file; the text of the error where it fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found


@contextmanager
def ansible_readers() -> Iterator[Readers]:
    """Start the process for the block."""
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Readers(process)
        process.communicate()


def _serve() -> None:
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader
    from ansible.template import Templar, trust_as_template

    init_plugin_loader([])
    for line in sys.stdin:
        templar = Templar(DataLoader(), variables={"changes_file": line.strip()})
        found = {}
        for name, expression in READERS.items():
            try:
                found[name] = templar.template(trust_as_template(f"{{{{ {expression} }}}}"))
            except Exception as error:
                found[name] = f"{type(error).__name__}: {error}"
        sys.stdout.write(json.dumps(found, default=repr) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
