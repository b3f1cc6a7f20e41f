"""Images built and run without Docker: Debian's buildah, on a base that mmdebstrap makes.

`python -m tests.support.images` makes the base and builds the images: that downloads, which no test should.
What has not changed since comes from the layers that are stored then. The official images of PostgreSQL,
Redis and Kafka can't be had so; embedded servers stand in for them.
"""

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from stack.command import run
from stack.paths import ROOT, STATE
from tests.support.processes import apart

STORE = STATE / "images"
BASES = ("docker.io/library/python:3.11-slim-bookworm", "docker.io/library/debian:bookworm-slim")
_PACKAGES = "python3,python3-pip-whl,ca-certificates"
# As in Debian's slim image. As mmdebstrap's options they would have a program in Python read all packages.
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")
_SETTINGS = {
    "etc/dpkg/dpkg.cfg.d/slim": "".join(f"path-exclude {path}\n" for path in _LEFT_OUT),
    "etc/apt/apt.conf.d/slim": 'Acquire::Languages "none";\n',
}
_PIP = '#!/bin/sh\nexec python3 "$(echo /usr/share/python-wheels/pip-*.whl)/pip" "$@"\n'
_CERTIFICATES = "/etc/ssl/certs:/etc/ssl/certs:ro"  # those of this machine, which may be behind a proxy
_TRIES, _PATIENCE = 3, 300  # seconds for one try
_BUILD_LIMIT = 600  # seconds for one image
_CACHES = {"__pycache__", ".mypy_cache"}
_MAX_STORED = 120  # layers and images; then all but the base go
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def why_not() -> str | None:
    """Return why images can't be built here; None where they can."""
    if os.geteuid() != 0:
        return "building images without Docker needs root"
    missing = [name for name in ("buildah", "mmdebstrap") if not shutil.which(name, path=_PATH)]
    if missing:
        return f"building images without Docker needs {' and '.join(missing)} (apt-get install)"
    return None


def main() -> int:
    """Make the base unless it is there, and build the images; return the exit status."""
    if reason := why_not():
        print(f"No images are tested: {reason}.", file=sys.stderr)  # noqa: T201
        return int(os.environ.get("CI") == "true")
    try:
        with building():
            images = Images()
            print("Building the images (a minute, where they are not built yet) …", flush=True)  # noqa: T201
            images.build("app", ROOT, "app")
            images.build("worker", ROOT, "worker")
            images.build("bind", ROOT / "deploy" / "bind")
    except (AssertionError, subprocess.TimeoutExpired) as error:
        print(f"The images can't be built: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


@contextmanager
def building() -> Iterator[None]:
    """Nobody else builds images here during the block; it waits for who does."""
    STORE.mkdir(parents=True, exist_ok=True)
    with (STORE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Images:
    """Builds images, and starts containers of them that share this thread's network."""

    def __init__(self) -> None:
        if not _has_base():
            print("Making the base of the images from Debian's packages (once, a minute) …", flush=True)  # noqa: T201
            _make_base()
        _buildah("rm", "--all")  # what a test that was killed has left
        stored = json.loads(_buildah("images", "--all", "--json"))
        if len(stored) > _MAX_STORED:
            _buildah("rmi", "--force", *(each["id"] for each in stored if not each.get("names")))

    def build(self, tag: str, context: Path, target: str | None = None) -> None:
        """Build as `docker build -t tag [--target target] context` does, unless it is built of these files.

        buildah takes its layers from its store, too, but reads all that is copied between stages for it.
        """
        digest, built = _digest(context, target), STORE / f"{tag}.built"
        if built.exists() and built.read_text() == digest and f"localhost/{tag}:latest" in _names():
            return
        options = ["--network=host", "--pull-never", "--layers", "-v", _CERTIFICATES, "--isolation=chroot"]
        aim = ["--target", target] if target else []
        _buildah("bud", *options, *aim, "-t", tag, str(context))
        built.write_text(digest)

    @contextmanager
    def run(
        self,
        image: str,
        command: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        volumes: Sequence[str] = (),
        user: str | None = None,
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a container for the block as `docker run` does; its command is the image's unless given."""
        words = list(command) or _default_command(image)
        name = _buildah("from", "--pull-never", image).strip()
        variables = [f"--env={key}={value}" for key, value in (environment or {}).items()]
        mounts = [word for volume in volumes for word in ("-v", volume)]
        who = ["--user", user] if user else []
        options = ("--isolation=chroot", "--no-hosts", *variables, *mounts, *who)
        run = _command("run", *options, name, "--", *words)
        try:
            with subprocess.Popen(run, start_new_session=True, stdin=subprocess.DEVNULL) as process:
                try:
                    yield process
                finally:
                    _end(process)
        finally:
            _buildah("rm", name)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the container."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 15)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=30)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)


def _default_command(image: str) -> list[str]:
    found = json.loads(_buildah("inspect", "--type=image", image))
    return [str(word) for word in found["OCIv1"]["config"]["Cmd"]]


def _command(*words: str) -> list[str]:
    return [*apart(), *_buildah_words(*words)]


def _buildah_words(*words: str) -> list[str]:
    return ["buildah", f"--root={STORE}/storage", f"--runroot={STORE}/run", *words]


def _buildah(*words: str) -> str:
    environment = {**os.environ, "PATH": _PATH}
    done = subprocess.run(
        _command(*words),
        env=environment,
        stdin=subprocess.DEVNULL,  # buildah makes it non-blocking for all who share it; Ansible refuses that
        capture_output=True,
        text=True,
        timeout=_BUILD_LIMIT,
    )
    assert done.returncode == 0, f"buildah {' '.join(words)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


def _digest(context: Path, target: str | None) -> str:
    """What changes with an image: the target, and the files of its context that .dockerignore lets in."""
    ignored = context / ".dockerignore"
    lines = ignored.read_text().splitlines() if ignored.exists() else ["!."]
    roots = [context / name for name in ("Dockerfile", *(line[1:] for line in lines if line[0:1] == "!"))]
    digest = hashlib.sha256(f"{lines} {target}".encode())
    for path in sorted({path for root in roots for path in (root, *root.rglob("*"))}):
        if path.is_file() and not _CACHES & {*path.parts}:
            digest.update(f"{path.relative_to(context)} {path.stat().st_mode}".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _has_base() -> bool:
    return set(BASES) <= _names()


def _names() -> set[str]:
    """The names of the images that are stored."""
    stored = json.loads(_buildah("images", "--json") or "[]")
    return {name for each in stored for name in each.get("names") or ()}


def _make_base() -> None:
    container = _buildah("from", "scratch").strip()
    with TemporaryDirectory(dir=STORE) as work:
        settings = Path(work)
        for name, content in {**_SETTINGS, "usr/local/bin/pip": _PIP}.items():
            (settings / name).parent.mkdir(parents=True, exist_ok=True)
            (settings / name).write_text(content)
        (settings / "usr/local/bin/pip").chmod(0o755)
        (settings / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        _install_debian(container, settings)
    _buildah("config", f"--env=PATH={_PATH}", container)
    _buildah("commit", "--quiet", "--rm", container, BASES[0])
    _buildah("tag", *BASES)


def _install_debian(container: str, settings: Path) -> None:
    """Install Debian with these settings in the container's root, which is mounted for nobody else."""
    words = [
        *("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={_PACKAGES}", "--quiet"),
        f'--setup-hook=cp --recursive --no-dereference {settings}/. "$1"',
        *(f'--extract-hook=rm --recursive --force "$1"{path}' for path in _LEFT_OUT),
        "bookworm",
    ]
    mount = shlex.join(_buildah_words("mount", container))
    script = f'root=$({mount}) && find "$root" -mindepth 1 -delete && exec {shlex.join(words)} "$root"'
    for left in reversed(range(_TRIES)):
        try:
            subprocess.run(
                [*apart(), "sh", "-c", script],
                env={"PATH": _PATH},
                check=True,
                timeout=_PATIENCE,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
            )
            return
        except (subprocess.SubprocessError, OSError) as error:
            if not left:
                raise SystemExit(f"mmdebstrap can't make the base of the images: {error}") from error
            time.sleep(5)


if __name__ == "__main__":
    run(main)
