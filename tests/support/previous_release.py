"""The release before this one, as it was: its files lie in a folder of their own."""

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from stack.paths import ROOT

NAMED_IN = ROOT / "migrations" / "previous-release"
_PARTS = ("app", "migrations", "playbooks", "alembic.ini", "models.py", "run_consumer.py")
_CACHE = ROOT / ".stack" / "previous-release"


def previous_release() -> Path:
    """Return its folder. Fails the test where this clone does not have it."""
    name = next(line for line in NAMED_IN.read_text().splitlines() if not line.startswith("#")).strip()
    folder = _CACHE / name
    if not folder.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as made:
            _extract(name, Path(made) / "files")
            if not folder.exists():  # another process may have been faster
                shutil.move(Path(made) / "files", folder)
    return folder


def _extract(name: str, folder: Path) -> None:
    archive = subprocess.run(
        ["git", "archive", "--format=tar", name, *_PARTS],
        cwd=ROOT,
        capture_output=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    )
    if archive.returncode:
        pytest.fail(
            f"the release before this one, {name} ({NAMED_IN.relative_to(ROOT)}), is not in this clone:"
            f" `git fetch --unshallow --tags` gets the history. git said: {archive.stderr.decode().strip()}"
        )
    with tempfile.TemporaryFile() as file:
        file.write(archive.stdout)
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            # Python has filters from 3.11.4 on
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(folder)
