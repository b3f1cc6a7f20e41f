"""The file that tells other programs where the stack is: `set -a; . .stack/env`."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stack.private import write_private


@contextmanager
def env_file(path: Path, settings: Mapping[str, str]) -> Iterator[None]:
    """Write KEY=VALUE lines, readable by their owner alone, and remove them at the end."""
    write_private(path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(settings.items())))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
