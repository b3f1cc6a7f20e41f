"""Make a virtual environment: `python3 -m stack.bootstrap`, with a bare interpreter and nothing else.

`.venv` from requirements-dev.txt, or `python3 -m stack.bootstrap FOLDER REQUIREMENTS`. Everything is checked
against its hashes, and installed by uv or else by pip.
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

from stack.debian import unpacked
from stack.errors import StackError, Unavailable
from stack.paths import PACKAGES, ROOT

UV_REQUIREMENTS = ROOT / "stack" / "requirements-uv.txt"


class Environment(NamedTuple):
    """A virtual environment, and what it shall hold."""

    folder: Path = ROOT / ".venv"
    requirements: Path = ROOT / "requirements-dev.txt"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"


def main(arguments: Sequence[str]) -> int:
    """Create or update an environment, and return the exit status."""
    environment = Environment(*(Path(argument).absolute() for argument in arguments))
    try:
        create(environment)
        install(environment)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def create(environment: Environment) -> None:
    """Create the environment, without pip, unless there is one that works."""
    if not (environment.python.exists() and _works([environment.python, "-c", ""])):
        print(f"Creating {environment.folder.name} with Python {sys.version.split()[0]} …", flush=True)
        venv.create(environment.folder, clear=True, symlinks=True)


def install(environment: Environment) -> None:
    """Install the requirements. Raises `StackError`."""
    uv = shutil.which("uv", path=f"{os.environ.get('PATH', '')}{os.pathsep}{Environment().folder / 'bin'}")
    if uv and _uv_installs(uv, environment):
        return
    pip = _pip(environment)
    if not uv and _works([*pip, "install", "--quiet", "--require-hashes", "-r", UV_REQUIREMENTS]):
        uv = str(environment.folder / "bin" / "uv")
        if _uv_installs(uv, environment):
            return
    print("Installing the requirements with pip (a minute) …", flush=True)
    if not _works([*pip, "install", "--quiet", "--require-hashes", "-r", environment.requirements]):
        raise StackError("The requirements could not be installed: see above.")


def _uv_installs(uv: str, environment: Environment) -> bool:
    print("Installing the requirements with uv …", flush=True)
    # Python compiles what it imports and keeps that, unless it is told not to: then it is done now.
    compile_now = ["--compile-bytecode"] if sys.dont_write_bytecode else []
    install = [uv, "pip", "install", "--quiet", *compile_now, "--require-hashes"]
    return _works([*install, "--python", environment.python, "-r", environment.requirements])


def _pip(environment: Environment) -> list[str | Path]:
    """The command that runs pip: Python's own copy or, where Debian has cut it out, that of a package."""
    if any(environment.folder.glob("lib/*/site-packages/pip")) or _has_ensurepip(environment):
        return [environment.python, "-m", "pip"]
    try:
        wheels = unpacked("python3-pip-whl", PACKAGES) / "usr/share/python-wheels"
        return [environment.python, next(wheels.glob("pip-*.whl")) / "pip"]
    except Unavailable as error:
        raise StackError(f"Neither uv nor pip is there: install one of them. {error}") from error


def _has_ensurepip(environment: Environment) -> bool:
    found = importlib.util.find_spec("ensurepip") is not None
    return found and _works([environment.python, "-m", "ensurepip"])


def _works(command: Sequence[str | Path]) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
