"""Which runs may share a fork server: Ansible reads some of its settings only once, when it is imported."""

import json
import os
import sys
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from app.runner.process.environment import RUNS_OWN, config_files

# Python packages that a fork server loads, each with a file that every release of it changes.
_PACKAGES = {"ansible": "release.py", "dns": "version.py"}


def fingerprint(environment: Mapping[str, str], cwd: Path) -> str:
    """Return a name for all that Ansible reads only once, as it is now, for runs in the folder `cwd`.

    It covers the environment (but for what each run has of its own), the folder and its mode, the umask, the
    interpreter, the installed releases, and every configuration file that may count: 16 hexadecimal digits.
    """
    shared = sorted(shared_environment(environment).items())
    files = [*config_files(environment, cwd), *_release_files()]
    parts = [sys.executable, _umask(), str(cwd), cwd.stat().st_mode, shared]
    text = json.dumps([*parts, *(_file_state(path) for path in files)])
    return sha256(text.encode()).hexdigest()[:16]


def shared_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return a run's environment without what each run has of its own."""
    return {name: value for name, value in environment.items() if name not in RUNS_OWN}


def _file_state(path: Path) -> list[object]:
    try:
        status = path.stat()
    except OSError:
        return [str(path)]
    return [str(path), status.st_mtime_ns, status.st_size, status.st_ino]


@cache
def _release_files() -> tuple[Path, ...]:
    specs = ((find_spec(package), file) for package, file in _PACKAGES.items())
    return tuple(Path(spec.origin).with_name(file) for spec, file in specs if spec and spec.origin)


def _umask() -> str:
    """Return the process's umask from proc_pid_status(5): os.umask could only tell it by setting another."""
    if not os.path.exists("/proc/self/status"):
        return ""
    with open("/proc/self/status", encoding="utf-8") as file:
        return next((line for line in file if line.startswith("Umask:")), "")
