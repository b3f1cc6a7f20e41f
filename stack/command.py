"""Running a module as a command."""

import sys
from collections.abc import Callable
from typing import NoReturn

INTERRUPTED = 130  # the exit status of a shell's command that Ctrl-C has ended


def run(main: Callable[[], int]) -> NoReturn:
    """End the process with the exit status that `main` returns; after Ctrl-C without a stack trace."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
