"""The folders that killed workers have left: of their runs, and of their fork servers."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.runner.ansible.workdir import temporary_workdir
from app.runner.process.own_folders import FORK_SERVERS, RUNS, mark, remove_abandoned
from stack.paths import ROOT

_SHOW = "from app.runner.process.own_folders import mark; print(mark())"


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with TemporaryDirectory() as folder:  # the paths of sockets have to be short
        monkeypatch.setattr("tempfile.tempdir", folder)
        yield Path(folder)


@pytest.fixture(scope="module")
def of_a_dead_one() -> str:
    return subprocess.check_output([sys.executable, "-c", _SHOW], cwd=ROOT, text=True).strip()


def make(folder: Path, name: str, *, old: bool = True) -> Path:
    (folder / name).mkdir()
    if old:
        os.utime(folder / name, (1, 1))
    return folder / name


def test_only_old_folders_of_processes_that_are_gone_are_removed(temporary: Path, of_a_dead_one: str) -> None:
    for prefix in (RUNS, FORK_SERVERS):
        make(temporary, f"{prefix}{of_a_dead_one}old")
    kept = [
        make(temporary, f"{RUNS}{of_a_dead_one}new", old=False),
        make(temporary, f"{FORK_SERVERS}{mark()}mine"),
        make(temporary, f"{RUNS}old"),
        make(temporary, f"{RUNS}x.y-old"),
        make(temporary, f"others-{of_a_dead_one}"),
    ]
    with temporary_workdir([]) as workdir:
        os.utime(workdir.folder, (1, 1))
        remove_abandoned(age=600)
        assert set(temporary.iterdir()) == {*kept, workdir.folder}


def test_a_number_that_another_process_has_got_is_no_reason_to_keep_a_folder(temporary: Path) -> None:
    pid = mark().partition(".")[0]
    make(temporary, f"{RUNS}{pid}.1-old")
    remove_abandoned(age=600)
    assert list(temporary.iterdir()) == []


def test_a_server_that_answers_keeps_its_folder(temporary: Path, of_a_dead_one: str) -> None:
    """Its worker may live in another container, whose processes are not seen."""
    folder = make(temporary, f"{FORK_SERVERS}{of_a_dead_one}x")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "a.sock"))
        server.listen()
        os.utime(folder, (1, 1))
        remove_abandoned(age=600)
        assert folder.exists()
    remove_abandoned(age=600)
    assert not folder.exists()
