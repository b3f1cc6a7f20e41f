"""A change of a file, and what is wrong with a file."""

from dataclasses import dataclass

from dns_orchestrator.change import Change
from dns_orchestrator.errors import ConfigurationError


@dataclass(frozen=True)
class Entry:
    """A change, and the line of the file on which it begins."""

    line: int
    change: Change


class FileInvalid(ConfigurationError):
    """A line of a file can't be read."""

    code = "file_invalid"

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
