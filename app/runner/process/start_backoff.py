"""A start that failed: remembered for all processes of a worker, and tried again after pauses that grow."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from app.core.logging import get_logger

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 600.0  # seconds

log = get_logger(__name__)


class _Note(TypedDict):
    reason: str
    pause: float  # seconds
    until: float  # seconds since the epoch


class Setbacks:
    """The last failure, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def resting(self) -> bool:
        """Whether it is too early to try again."""
        note = self._read()
        return note is not None and time.time() < note["until"]

    def record(self, reason: str) -> None:
        """Remember a failure; say it in the log unless it is the same as the last one."""
        last = self._read()
        pause = min(last["pause"] * 2, LONGEST_PAUSE) if last else FIRST_PAUSE
        if last is None or last["reason"] != reason:
            log.warning("no fork server, each run starts Ansible anew", reason=reason)
        note: _Note = {"reason": reason, "pause": pause, "until": time.time() + pause}
        with suppress(OSError):
            self._path.write_text(json.dumps(note), encoding="utf-8")

    def over(self) -> None:
        """Forget them: it works again."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> _Note | None:
        try:
            note: _Note = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return note
