"""Remove what was downloaded, built and stored below a checkout."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from stack.errors import StackError
from stack.lock import locked
from stack.paths import ROOT

_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache", ".hypothesis")
_MADE = (".venv", "site", *_CACHES)
_MOUNTS = Path("/proc/self/mountinfo")  # proc_pid_mountinfo(5); Linux has it


def clean(root: Path = ROOT) -> None:
    """Remove the virtual environment, the site of docs/, the stack's state and all caches.

    Raises StackError while a stack runs there, and in the end when something is left.
    """
    with locked(root / ".stack"):
        compiled = [path for path in root.rglob("__pycache__") if ".venv" not in path.parts]
        left = list(_unmount(root / ".stack" / "images"))
        state = [] if left else [root / ".stack"]  # what is removed through a mount is removed elsewhere
        for path in (*compiled, *(root / name for name in _MADE), *state):
            left += _remove(path)
    if left:
        raise StackError("\n".join(["This could not be removed:", *left]))


def _unmount(folder: Path) -> Iterator[str]:
    """Unmount what containers that were killed have left in a folder; yield what is left, and why."""
    lines = _MOUNTS.read_text().splitlines() if _MOUNTS.exists() else []
    mounted = (Path(_unescaped(line.split()[4])) for line in reversed(lines))
    for path in [each for each in mounted if each.is_relative_to(folder)]:
        done = subprocess.run(["umount", path], capture_output=True, text=True)
        if done.returncode:
            yield done.stderr.strip()


def _unescaped(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def _remove(path: Path) -> Iterator[str]:
    """Remove as much of a folder as can be; yield why something is left."""
    shutil.rmtree(path, ignore_errors=True)
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        yield f"{error.filename}: {error.strerror}"
