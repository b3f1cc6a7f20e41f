"""The folders of runs whose workers were killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.runner.ansible.workdir import remove_abandoned, temporary_workdir


def test_only_old_folders_of_processes_that_are_gone_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    names = [
        f"dns-run-{gone.pid}-old",
        f"dns-run-{gone.pid}-new",
        f"dns-run-{os.getpid()}-old",
        "dns-run-old",
    ]
    for name in names:
        (tmp_path / name).mkdir()
        if name.endswith("old"):
            os.utime(tmp_path / name, (1, 1))
    with temporary_workdir([]) as workdir:
        os.utime(workdir.folder, (1, 1))
        remove_abandoned(age=600)
        assert {path.name for path in tmp_path.iterdir()} == {*names[1:], workdir.folder.name}
