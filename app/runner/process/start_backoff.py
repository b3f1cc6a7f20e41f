"""After a fork server could not be started: when to try again. A file tells all processes of a worker."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from app.core.backoff import Backoff
from app.core.logging import get_logger
from app.domain.retry_policy import START_FORK_SERVER

BACKOFF = Backoff(*START_FORK_SERVER.pauses)

log = get_logger(__name__)


class _Failure(TypedDict):
    """The last failure in a row of them, as it stands in the file."""

    reason: str
    failures: int  # in a row, this one included
    pause: float  # seconds
    until: float  # the end of the pause: seconds since the epoch


class StartBackoff:
    """The starts of a fork server that failed in a row, kept in the file at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_pausing(self) -> bool:
        """Return whether it is too early to try again."""
        last = self._last_failure()
        left = last["until"] - time.time() if last else 0.0
        return last is not None and 0 < left < last["pause"] + 1  # more is left where the clock was set back

    def record_failure(self, reason: str) -> None:
        """Begin a pause, longer than the last one; log the failure if its reason is not the same."""
        last = self._last_failure()
        failures = last["failures"] if last else 0
        pause = BACKOFF.pause(failures)
        if last is None or last["reason"] != reason:
            log.warning(
                "no fork server could be started: each run starts Ansible itself and takes longer; "
                "the start is tried again after a pause",
                reason=reason,
                pause_seconds=pause,
            )
        failure: _Failure = {
            "reason": reason,
            "failures": failures + 1,
            "pause": pause,
            "until": time.time() + pause,
        }
        with suppress(OSError):
            self.path.write_text(json.dumps(failure), encoding="utf-8")

    def reset(self) -> None:
        """Forget the failures: a server has been started."""
        self.path.unlink(missing_ok=True)

    def _last_failure(self) -> _Failure | None:
        try:
            failure: _Failure = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return failure
