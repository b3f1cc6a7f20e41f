"""The private folder of one run: what is asked for goes in, what became of it comes out."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from app.domain.change import Change


@dataclass(frozen=True, slots=True)
class Workdir:
    """The folder of mode 0700, and the paths of the playbook contract in it."""

    folder: Path

    @property
    def changes(self) -> Path:
        """The changes file."""
        return self.folder / "changes.json"

    @property
    def results(self) -> Path:
        """The results file; the playbook writes it."""
        return self.folder / "results.json"

    @property
    def scratch(self) -> Path:
        """Ansible's own temporary files; never shared, for it keeps built modules there by name alone."""
        return self.folder / "tmp"


@contextmanager
def workdir(changes: Sequence[Change]) -> Iterator[Workdir]:
    """Create the folder with its changes file; remove it with everything in it afterwards. Raises OSError."""
    with TemporaryDirectory(prefix="dns-run-", ignore_cleanup_errors=True) as name:
        files = Workdir(Path(name))
        files.scratch.mkdir(mode=0o700)
        files.changes.write_text(json.dumps([change.as_json() for change in changes]), encoding="utf-8")
        yield files
