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
def env_file(path: Path, settings: Mapping[str, str]) -> Iterator[None]:
    """Write KEY=VALUE lines for a shell (`set -a; . .stack/env`); remove the file after the block."""
    write_private(path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(settings.items())))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
