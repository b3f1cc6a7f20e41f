"""The private folder of one run, with the files that the playbook reads and writes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from app.domain.change import Change
from app.runner.ansible.changes_file import dump_changes
from app.runner.process.own_folders import RUNS, mark


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


@contextmanager
def temporary_workdir(changes: Sequence[Change]) -> Iterator[Workdir]:
    """Create a folder with its changes file for the block, and remove it afterwards. Raises OSError."""
    with TemporaryDirectory(prefix=f"{RUNS}{mark()}", ignore_cleanup_errors=True) as name:
        workdir = Workdir(Path(name))
        workdir.scratch.mkdir(mode=0o700)
        workdir.changes.write_text(dump_changes(changes), encoding="utf-8")
        yield workdir
