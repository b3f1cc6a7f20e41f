"""Make the virtual environment: `python3 -m stack.bootstrap`, with a bare interpreter and nothing else.

Everything is installed from requirements-dev.txt and checked against its hashes: by uv, or else by pip.
"""

import importlib.util
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from stack.debian import unpacked
from stack.errors import StackError, Unavailable
from stack.paths import PACKAGES, ROOT

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements-dev.txt"
UV_REQUIREMENTS = ROOT / "stack" / "requirements-uv.txt"


def main() -> int:
    """Create or update the virtual environment, and return the exit status."""
    try:
        create()
        install()
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def create() -> None:
    """Create the environment, without pip, unless there is one that works."""
    if not (PYTHON.exists() and _works([PYTHON, "-c", ""])):
        print(f"Creating {VENV.name} with Python {sys.version.split()[0]} …", flush=True)
        venv.create(VENV, clear=True, symlinks=True)


def install() -> None:
    """Install the requirements. Raises `StackError`."""
    uv = shutil.which("uv")
    if uv and _uv_installs(uv):
        return
    pip = _pip()
    if not uv and _works([*pip, "install", "--quiet", "--require-hashes", "-r", UV_REQUIREMENTS]):
        uv = str(VENV / "bin" / "uv")
        if _uv_installs(uv):
            return
    print("Installing the requirements with pip (a minute) …", flush=True)
    if not _works([*pip, "install", "--quiet", "--require-hashes", "-r", REQUIREMENTS]):
        raise StackError("The requirements could not be installed: see above.")


def _uv_installs(uv: str) -> bool:
    print("Installing the requirements with uv …", flush=True)
    # Python compiles what it imports and keeps that, unless it is told not to: then it is done now.
    compile_now = ["--compile-bytecode"] if sys.dont_write_bytecode else []
    install = [uv, "pip", "install", "--quiet", *compile_now, "--require-hashes"]
    return _works([*install, "--python", PYTHON, "-r", REQUIREMENTS])


def _pip() -> list[str | Path]:
    """The command that runs pip: Python's own copy or, where Debian has cut it out, that of a package."""
    if any(VENV.glob("lib/*/site-packages/pip")) or _has_ensurepip():
        return [PYTHON, "-m", "pip"]
    try:
        wheels = unpacked("python3-pip-whl", PACKAGES) / "usr/share/python-wheels"
        return [PYTHON, next(wheels.glob("pip-*.whl")) / "pip"]
    except Unavailable as error:
        raise StackError(f"Neither uv nor pip is there: install one of them. {error}") from error


def _has_ensurepip() -> bool:
    found = importlib.util.find_spec("ensurepip") is not None
    return found and _works([PYTHON, "-m", "ensurepip"])


def _works(command: Sequence[str | Path]) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
