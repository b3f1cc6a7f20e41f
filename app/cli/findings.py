"""What `doctor` has found, one finding for each thing that it looked at."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from confluent_kafka import KafkaError, KafkaException

from app.core.startup import cause

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to know or to do about it."""

    what: str
    state: State
    words: str


class Wrong(Exception):
    """Something is not as it should be; the text says what."""


def isolated(what: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield the findings. An error, whatever it is, ends them and is the last: the others are not lost."""
    try:
        yield from findings
    except Exception as error:
        yield Finding(what, "failed", said(error))


def said(error: Exception) -> str:
    """Return the error in words, on one line."""
    if isinstance(error, KafkaException) and isinstance(error.args[0], KafkaError):
        return str(error.args[0].str())
    return cause(error) or type(error).__name__
