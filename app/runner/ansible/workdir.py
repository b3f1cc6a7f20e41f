"""The private folder of one run, with the files that the playbook reads and writes."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir

from app.domain.change import Change
from app.runner.ansible.changes_file import dump_changes


@dataclass(frozen=True, slots=True)
class Workdir:
    """A folder of mode 0700, and the paths in it that the playbook contract names.

    The contract is in docs/reference/playbooks.md.
    """

    folder: Path

    @property
    def changes(self) -> Path:
        """The changes file: the playbook reads it."""
        return self.folder / "changes.json"

    @property
    def results(self) -> Path:
        """The results file: the playbook writes it."""
        return self.folder / "results.json"

    @property
    def scratch(self) -> Path:
        """The folder for Ansible's temporary files.

        Runs must not share it: Ansible caches built modules there by their name alone.
        """
        return self.folder / "tmp"


_PREFIX = "dns-run-"  # then the worker's process id


@contextmanager
def temporary_workdir(changes: Sequence[Change]) -> Iterator[Workdir]:
    """Create a folder with its changes file for the block, and remove it afterwards. Raises OSError."""
    prefix = f"{_PREFIX}{os.getpid()}-"
    with TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        workdir = Workdir(Path(name))
        workdir.scratch.mkdir(mode=0o700)
        workdir.changes.write_text(dump_changes(changes), encoding="utf-8")
        yield workdir


def remove_abandoned(age: float) -> None:
    """Remove the folders that killed workers have left: `age` seconds old, of processes that are gone."""
    for folder in Path(gettempdir()).glob(f"{_PREFIX}*-*"):
        with suppress(OSError, ValueError):
            pid = int(folder.name.removeprefix(_PREFIX).partition("-")[0])
            status = folder.lstat()
            is_old = time.time() - status.st_mtime > age
            if is_old and status.st_uid == os.geteuid() and not Path(f"/proc/{pid}").exists():
                rmtree(folder, ignore_errors=True)
