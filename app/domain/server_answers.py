"""What each authoritative server has answered, taken out of the line of a log that says it of all.

The lines are those of settlement.py. A server's answer may have anything in it that a requester has asked
for; so servers are known by their names beforehand, and what could be read in two ways is not read.
"""

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

_ANSWERED = "answered by "


class ServerAnswer(NamedTuple):
    """What one server answers: as asked, or what is wrong with it."""

    server: str
    as_asked: bool
    words: str | None = None


def answers_in(lines: Iterable[str], servers: Collection[str]) -> list[ServerAnswer]:
    """Return the answers of the last of the lines that has some of all these servers; nothing for none."""
    for line in lines:
        if found := _answers(line, servers):
            return found
    return []


def _answers(line: str, servers: Collection[str]) -> list[ServerAnswer]:
    if line.startswith(_ANSWERED):
        named = line.removeprefix(_ANSWERED).partition(";")[0].split(", ")
        return [ServerAnswer(each, as_asked=True) for each in named] if set(named) <= {*servers} else []
    names = "|".join(map(re.escape, servers))
    parts = re.split(rf"(?:^|; )({names}): ", line) if names else [line]
    complaints = dict(zip(parts[1::2], parts[2::2], strict=True))
    if not complaints or len(complaints) != len(parts) // 2:  # a server twice: one of them is no server's
        return []
    return [ServerAnswer(each, each not in complaints, complaints.get(each)) for each in servers]
