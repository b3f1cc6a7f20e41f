"""A disk of a test's own, which can be full: only root can have one.

Mounts, and the network (network.py), are those of a process of its own.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SIZE = 2 << 30  # octets
_PRIVATE = "FAULTS_PRIVATE"  # is set in a process whose mounts and network nobody else sees; they end with it


def become_private(module: str) -> None:
    """Run the module anew with the same arguments, where its mounts and its network are its own.

    Where that is not possible, the process goes on as it is.
    """
    apart = ["unshare", "--mount", "--propagation", "private", *(["--net"] if shutil.which("ip") else [])]
    if has_private_mounts() or shutil.which("unshare") is None:
        return
    if subprocess.run([*apart, "true"], capture_output=True).returncode:
        return
    command = [*apart, sys.executable, "-m", module, *sys.argv[1:]]
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
    place.mkdir(parents=True, exist_ok=True)
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


@contextmanager
def without_files(place: Path) -> Iterator[None]:
    """Let nobody make another file on a small disk, for the block."""
    disk = os.statvfs(place)
    _mount("-o", f"remount,nr_inodes={disk.f_files - disk.f_ffree}", str(place))
    try:
        yield
    finally:
        _mount("-o", f"remount,nr_inodes={disk.f_files}", str(place))


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)
