"""The host name of the secondary, which this machine resolves only where its mounts are a test's own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.ports import HOST
from tests.faults.matrix.small_disk import has_private_mounts

SECONDARY = "secondary.faults.test"
are_own = has_private_mounts  # whether the name is known

_HOSTS = Path("/etc/hosts")
_LINE = f"{HOST} {SECONDARY}\n"


@contextmanager
def own_host_names(folder: Path) -> Iterator[None]:
    """Have the name resolved, for the block, by a file in this folder that hides the machine's own."""
    if not are_own():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    own = _own(folder)
    own.write_text(f"{_HOSTS.read_text()}\n{_LINE}")
    subprocess.run(["mount", "--bind", own, _HOSTS], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", _HOSTS], check=True)


@contextmanager
def not_resolved(folder: Path) -> Iterator[None]:
    """Let nobody resolve the name, for the block."""
    own = _own(folder)
    lines = own.read_text()
    own.write_text(lines.replace(_LINE, ""))  # in place: the mount is of this file
    try:
        yield
    finally:
        own.write_text(lines)


def _own(folder: Path) -> Path:
    return folder / "etc-hosts"
