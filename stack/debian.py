"""Download Debian packages and unpack them below a directory: this installs nothing and needs no root."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from stack.errors import Unavailable
from stack.fetching import fetch

_COMMON = (
    "-qq",
    "-o",
    "Debug::NoLocking=1",
    "-o",
    "APT::Sandbox::User=root",
    "-o",
    "Acquire::Languages=none",
    "-o",
    "Acquire::Retries=2",
    "-o",
    "Acquire::http::Timeout=20",
    "-o",
    "Acquire::https::Timeout=20",
)

_TRIES, _LIMIT = 2, 120.0  # seconds for one call of apt-get


def unpacked(package: str, cache: Path) -> Path:
    """Return the directory that holds a package and the libraries that it needs and this machine lacks.

    They are downloaded at the first call only. Raises Unavailable.
    """
    target = cache / package
    if not target.exists():
        if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
            raise Unavailable(f"{package}: this is not a Debian system.")
        cache.mkdir(parents=True, exist_ok=True)
        print(f"Downloading {package} from Debian (once) …", flush=True)
        with tempfile.TemporaryDirectory(dir=cache) as work:
            _download_and_unpack(Path(work), package)
            _publish(Path(work, "root"), target)
    return target


def library_path(root: Path) -> str:
    """Return the value of LD_LIBRARY_PATH for the programs of an unpacked package."""
    folders = (*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*"))
    return os.pathsep.join(map(str, folders))


def _download_and_unpack(work: Path, package: str) -> None:
    try:
        _download(work, package, _COMMON)
    except subprocess.CalledProcessError:  # the system's package lists are missing or out of date
        private = (
            *_COMMON,
            "-o",
            f"Dir::State={work}/state",
            "-o",
            "Dir::State::status=/var/lib/dpkg/status",
        )
        try:
            _apt(work, private, "update")
            _download(work, package, private)
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"{package}: apt-get cannot download it.\n{error.stderr.strip()}") from error
    for archive in work.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", archive, work / "root"], check=True)


def _download(work: Path, package: str, options: Sequence[str]) -> None:
    plan = _apt(work, options, "install", "--simulate", "--no-install-recommends", package)
    _apt(work, options, "download", *needed(plan, package))


def needed(plan: str, package: str) -> list[str]:
    """Return what to download of all that apt would install (its `Inst` lines).

    That is the package itself, packages that have its name as a prefix, and libraries.
    """
    names = {line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")}
    return sorted({package} | {name for name in names if name.startswith(("lib", package))})


def _apt(work: Path, options: Sequence[str], *command: str) -> str:
    # What apt makes of its lists takes longest: once for all packages, even if a container keeps none.
    index = work.parent / ".apt"
    for folder in (work / "state/lists/partial", index / "archives/partial"):
        folder.mkdir(parents=True, exist_ok=True)
    names = {"": index, "::pkgcache": "pkgcache.bin", "::srcpkgcache": "srcpkgcache.bin"}
    kept = [word for key, value in names.items() for word in ("-o", f"Dir::Cache{key}={value}")]
    done = fetch(
        "Debian's packages",
        ["apt-get", *options, *kept, *command],
        tries=1 if command[0] == "install" else _TRIES,  # which downloads nothing: it only says what it would
        limit=_LIMIT,
        cwd=work,
        env={**os.environ, "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    done.check_returncode()
    return str(done.stdout)


def _publish(root: Path, target: Path) -> None:
    try:
        root.rename(target)
    except OSError:  # another process has unpacked the same package in the meantime
        if not target.exists():
            raise
