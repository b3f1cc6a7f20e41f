"""Files that only their owner can read."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600, in full or not at all. Others can't read it at any time."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.rename(path)


@contextmanager
def env_file(path: Path, settings: Mapping[str, str], own: Mapping[str, str]) -> Iterator[None]:
    """Write KEY=VALUE lines for a shell (`set -a; . .stack/env`); remove the file after the block.

    `last-env` stays: it tells what a shell has from here, without the `own` settings of the user.
    """
    write_private(path, _lines(settings))
    ours = {name: value for name, value in settings.items() if own.get(name) != value}
    write_private(path.with_name("last-env"), _lines(ours))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _lines(settings: Mapping[str, str]) -> str:
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(settings.items()))


def without_exported(environment: Mapping[str, str], last: Path) -> tuple[Mapping[str, str], bool]:
    """Return the variables but for those that were exported from `last-env`, and whether there were any.

    They name parts that have ended, and are to be started.
    """
    lines = last.read_text().splitlines() if last.exists() else []
    written = {tuple(shlex.split(line)[0].partition("=")[::2]) for line in lines}
    kept = {name: value for name, value in environment.items() if (name, value) not in written}
    return kept, len(kept) < len(environment)
