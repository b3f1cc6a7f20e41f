"""Master files as BIND reads them."""

import subprocess
from pathlib import Path

from stack.debian import library_path, unpacked
from stack.paths import PACKAGES

_OPTIONS = ("-s", "full", "-i", "none", *(word for letter in "knrmMS" for word in (f"-{letter}", "ignore")))


def check_by_bind(file: str, zone: str, folder: Path) -> None:
    """Let named-checkzone load the file. Raises AssertionError where it does not."""
    (folder / "zone").write_text(file)
    root = unpacked("bind9", PACKAGES)
    done = subprocess.run(
        [root / "usr/bin/named-checkzone", *_OPTIONS, zone, folder / "zone"],
        env={"LD_LIBRARY_PATH": library_path(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:]
