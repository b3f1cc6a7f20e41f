"""`python3 -m stack.bootstrap [FOLDER REQUIREMENTS]` makes a virtual environment.

Without arguments it makes `.venv` from requirements-dev.txt. It needs the bare interpreter only. Packages are
checked against the hashes in the requirements file, and installed by uv, or by pip where there is no uv.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stack.command import run
from stack.debian import unpacked
from stack.errors import StackError, Unavailable
from stack.fetching import fetch
from stack.paths import PACKAGES, ROOT

UV_REQUIREMENTS = ROOT / "stack" / "requirements-uv.txt"


class Environment(NamedTuple):
    """A virtual environment's folder, and the requirements file that lists its packages."""

    folder: Path = ROOT / ".venv"
    requirements: Path = ROOT / "requirements-dev.txt"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"


def main(arguments: Sequence[str]) -> int:
    """Create or update an environment, and return the exit status."""
    environment = Environment(*(Path(argument).absolute() for argument in arguments))
    try:
        create(environment)
        install(environment)
        if environment == Environment():
            offer_pip()
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def create(environment: Environment) -> None:
    """Create the environment without pip, unless it exists and its interpreter runs."""
    if not (environment.python.exists() and _succeeds([environment.python, "-c", ""])):
        print(f"Creating {environment.folder.name} with Python {sys.version.split()[0]} …", flush=True)
        venv.create(environment.folder, clear=True, symlinks=True)


def install(environment: Environment) -> None:
    """Install the requirements. Raises StackError."""
    uv = shutil.which("uv", path=f"{os.environ.get('PATH', '')}{os.pathsep}{Environment().folder / 'bin'}")
    if uv and _uv_installs(uv, environment):
        return
    pip = _pip(environment)
    if not uv and _fetches([*pip, "install", "--quiet", "--require-hashes", "-r", UV_REQUIREMENTS]):
        uv = str(environment.folder / "bin" / "uv")
        if _uv_installs(uv, environment):
            return
    print("Installing the requirements with pip (a minute) …", flush=True)
    if not _fetches([*pip, "install", "--quiet", "--require-hashes", "-r", environment.requirements]):
        raise StackError("The requirements could not be installed: see pip's messages above.")


def offer_pip() -> None:
    """Have `pip` mean that of `.venv` where it is activated, if Python has a copy of it."""
    if not (Environment().folder / "bin" / "pip").exists():
        _has_ensurepip(Environment())


def _uv_installs(uv: str, environment: Environment) -> bool:
    print("Installing the requirements with uv …", flush=True)
    # Python compiles modules when it imports them. If it may not store the result, compile them all now.
    compile_now = ["--compile-bytecode"] if sys.dont_write_bytecode else []
    install = [uv, "pip", "install", "--quiet", *compile_now, "--require-hashes"]
    return _fetches([*install, "--python", environment.python, "-r", environment.requirements])


def _pip(environment: Environment) -> list[str | Path]:
    """Return the command that runs pip: Python's own copy or, as Debian removes that, a package's."""
    if any(environment.folder.glob("lib/*/site-packages/pip")) or _has_ensurepip(environment):
        return [environment.python, "-m", "pip"]
    try:
        wheels = unpacked("python3-pip-whl", PACKAGES) / "usr/share/python-wheels"
        return [environment.python, next(wheels.glob("pip-*.whl")) / "pip"]
    except Unavailable as error:
        raise StackError(f"There is neither uv nor pip: install one of them. {error}") from error


def _fetches(command: Sequence[str | Path]) -> bool:
    return fetch("the requirements", command, stdout=subprocess.DEVNULL).returncode == 0


def _has_ensurepip(environment: Environment) -> bool:
    found = importlib.util.find_spec("ensurepip") is not None
    return found and _succeeds([environment.python, "-m", "ensurepip", "--default-pip"])


def _succeeds(command: Sequence[str | Path]) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    run(lambda: main(sys.argv[1:]))
