"""What a fork server is good for: Ansible reads its settings once, when it is imported."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from app.runner.process.environment import RUNS_OWN, config_files

_PACKAGES = {
    "ansible": "release.py",
    "dns": "version.py",
}  # loaded by the server: files that each release changes


@dataclass(frozen=True, slots=True)
class Configuration:
    """The environment of runs, and the folder in which they run."""

    environment: Mapping[str, str]
    cwd: Path

    @property
    def shared(self) -> dict[str, str]:
        """The environment without what each run has of its own."""
        return {name: value for name, value in self.environment.items() if name not in RUNS_OWN}

    @property
    def key(self) -> str:
        """A name that changes with everything that Ansible reads only once, as files are now."""
        files = [*config_files(self.environment, self.cwd), *_package_files()]
        seen = [sys.executable, _umask(), str(self.cwd), self.cwd.stat().st_mode, sorted(self.shared.items())]
        text = json.dumps([*seen, *(_state(path) for path in files)])
        return sha256(text.encode()).hexdigest()[:16]


def _state(path: Path) -> list[object]:
    try:
        found = path.stat()
    except OSError:
        return [str(path)]
    return [str(path), found.st_mtime_ns, found.st_size, found.st_ino]


@cache
def _package_files() -> tuple[Path, ...]:
    specs = ((find_spec(package), file) for package, file in _PACKAGES.items())
    return tuple(Path(spec.origin).with_name(file) for spec, file in specs if spec and spec.origin)


def _umask() -> str:
    """Return the process's umask, which can otherwise only be read by setting it."""
    return next(_lines("/proc/self/status", "Umask:"), "")


def _lines(path: str, beginning: str) -> Iterator[str]:
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            yield from (line for line in file if line.startswith(beginning))
