"""What is tried again and again while a part is away: each fault is logged once, and its end once."""

from threading import Lock

from structlog.typing import FilteringBoundLogger

_MOST_FAULTS = 20  # of one outage that are told apart


class Outage:
    """The faults that tries have ended with since the last one that went well; threads may share it."""

    def __init__(self, log: FilteringBoundLogger, begun: str, over: str) -> None:
        self._log = log
        self._begun = begun
        self._over = over
        self._faults: set[str] = set()
        self._lock = Lock()

    def note(self, error: Exception | str) -> None:
        """Say what a try has ended with, unless one before it has ended so, too."""
        with self._lock:
            fault = str(error)
            if fault in self._faults or len(self._faults) >= _MOST_FAULTS:
                return
            self._faults.add(fault)
        self._log.warning(self._begun, error=fault)

    def end(self) -> None:
        """Say that it is over, where anything was wrong: a try has gone well."""
        with self._lock:
            if not self._faults:
                return
            self._faults.clear()
        self._log.info(self._over)
