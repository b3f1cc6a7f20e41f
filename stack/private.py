"""Files for their owner's eyes alone."""

from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600: whole or not at all, and at no time readable by others."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.rename(path)
