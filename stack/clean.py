"""Remove what the project has put into its checkout."""

import shutil

from stack.lock import locked
from stack.paths import ROOT

_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache", ".hypothesis")


def clean() -> None:
    """Remove the virtual environment, the stack's state and caches. Raises `StackError` while it runs."""
    with locked(ROOT / ".stack"):
        compiled = [path for path in ROOT.rglob("__pycache__") if ".venv" not in path.parts]
        for path in (*compiled, *(ROOT / name for name in (*_CACHES, ".venv", ".stack"))):
            shutil.rmtree(path, ignore_errors=True)
