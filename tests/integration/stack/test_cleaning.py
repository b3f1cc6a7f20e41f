"""`make clean`: it removes everything, or says what is left and why."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack.cleaning import clean
from stack.errors import StackError
from stack.lock import locked
from stack.paths import ROOT

CLEAN = """
import sys
from pathlib import Path
from stack.cleaning import clean
from stack.errors import StackError
try:
    clean(Path(sys.argv[1]))
except StackError as error:
    sys.exit(str(error))
"""

mounting = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")


def clean_with(mounts: str, checkout: Path) -> "subprocess.CompletedProcess[str]":
    """Clean a checkout after a shell has mounted something in it, where nobody else sees the mounts."""
    script = f'set -e; cd "$1"; {mounts}; PYTHONPATH={ROOT} exec {sys.executable} -c "$0" "$1"'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, CLEAN, checkout], capture_output=True, text=True
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "a checkout"
    for folder in (".stack/images/merged", ".venv/bin", "app/__pycache__", ".mypy_cache"):
        (root / folder).mkdir(parents=True)
        (root / folder / "file").touch()
    return tmp_path / "a checkout"


def files(checkout: Path) -> set[str]:
    return {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}


def test_everything_is_removed(checkout: Path) -> None:
    (checkout / "app/main.py").touch()
    clean(checkout)
    assert files(checkout) == {"app/main.py"}
    clean(checkout)


def test_nothing_is_removed_while_a_stack_runs(checkout: Path) -> None:
    with locked(checkout / ".stack"), pytest.raises(StackError, match="Another stack runs"):
        clean(checkout)
    assert ".venv/bin/file" in files(checkout)


@mounting
def test_what_containers_have_left_mounted_is_unmounted(checkout: Path) -> None:
    images = ".stack/images"
    twice = f"mount --bind {images} {images}; mount --bind {images}/merged {images}/merged; cd /"
    done = clean_with(twice, checkout)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(checkout) == set()


@mounting
def test_nothing_is_removed_through_a_mount_that_is_in_use(checkout: Path) -> None:
    elsewhere = checkout.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    done = clean_with("mount --bind ../elsewhere .stack/images/merged; cd .stack/images/merged", checkout)
    assert done.returncode == 1
    assert done.stderr.startswith("This could not be removed:\n")
    assert "target is busy" in done.stderr
    assert (elsewhere / "file").exists()


@mounting
def test_what_is_left_is_named_with_the_reason(checkout: Path) -> None:
    done = clean_with("mount --bind .venv .venv", checkout)
    assert done.returncode == 1
    assert f"{checkout}/.venv: Device or resource busy" in done.stderr
    assert files(checkout) == set()
