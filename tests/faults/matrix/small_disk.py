"""A disk of a test's own, which can be full: only root can have one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SIZE = 2 << 30  # octets
_PRIVATE = "FAULTS_PRIVATE_MOUNTS"  # is set in a process whose mounts nobody else sees, and which end with it


def become_private(module: str) -> None:
    """Run the module anew with the same arguments, where its mounts are its own."""
    if os.geteuid() == 0 and not has_private_mounts():
        command = [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            sys.executable,
            "-m",
            module,
            *sys.argv[1:],
        ]
        os.execvpe(command[0], command, {**os.environ, _PRIVATE: "1"})


def has_private_mounts() -> bool:
    """Whether this process may mount what nobody else sees."""
    return _PRIVATE in os.environ


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """Mount a disk there for the block, if that is possible."""
    if not has_private_mounts():
        yield
        return
    place.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", f"size={_SIZE}", "faults", str(place))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def full(place: Path) -> Iterator[None]:
    """Leave no room on a small disk, for the block."""
    disk = os.statvfs(place)
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    _mount("-o", f"remount,size={used + disk.f_frsize}", str(place))
    try:
        yield
    finally:
        _mount("-o", f"remount,size={_SIZE}", str(place))


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)
