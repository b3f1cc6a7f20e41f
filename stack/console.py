"""Lines on the terminal: one colour for each part there, `part | line` everywhere else."""

import os
import sys
import zlib

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_WIDTH = 8


def show(part: str, line: str) -> None:
    """Write one line of a part."""
    prefix = f"{part:>{_WIDTH}} |"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        prefix = f"\x1b[{_COLOURS[zlib.crc32(part.encode()) % len(_COLOURS)]}m{prefix}\x1b[0m"
    print(prefix, line, flush=True)
