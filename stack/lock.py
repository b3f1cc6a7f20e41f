"""The lock of a state directory, which only one stack uses at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.errors import StackError


@contextmanager
def locked(state: Path) -> Iterator[None]:
    """Lock a state directory for the block. Raises StackError when it is in use or can't be written."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = (state / "lock").open("w")
    except OSError as error:
        raise StackError(f"{state} can't be used ({error.strerror}): set STACK_DIR to another.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"Another stack runs in {state}: stop it, or set STACK_DIR.") from None
        yield
