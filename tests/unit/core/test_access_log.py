"""The lines of calls: written together, whole, soon, and none is lost."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.thoroughly import thoroughly

SERVES = """
import asyncio, os, signal
from app.core.access_log import access_log
from app.core.logging import configure_logging

configure_logging("api")
log = access_log()

def answer(number, size=20):
    log.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:4711", "POST", f"/{number:0{size}}", "1.1", 202)
"""
MANY = """
async def serve():
    for number in range(100):
        answer(number)
    answer(100, 2500)
    answer(101)
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(serve())
"""
AT_THE_END = """
async def serve():
    answer(0)

asyncio.run(serve())
"""
WITHOUT_A_LOOP = """
answer(0)
os.kill(os.getpid(), signal.SIGKILL)
"""


def written(program: str) -> Iterator[bytes]:
    """Yield what each write of the program has put into a pipe (pipe(2), O_DIRECT)."""
    reading, writing = os.pipe2(os.O_DIRECT)
    environment = os.environ | {"LOG_FORMAT": "json"}
    with subprocess.Popen([sys.executable, "-c", SERVES + program], env=environment, stdout=writing):
        os.close(writing)
        while piece := os.read(reading, 65_536):
            yield piece
    os.close(reading)


def test_the_lines_of_a_turn_are_written_together_and_those_that_can_stay_whole() -> None:
    pieces = list(written(MANY))
    lines = [json.loads(line) for line in b"".join(pieces).splitlines()]
    assert [line["path"][-3:] for line in lines] == [f"{number:03}" for number in range(102)]
    assert len(pieces) < 15
    ends = [piece.endswith(b"\n") for piece in pieces]
    assert ends.count(False) == 1  # the long one is in two pieces, by itself


@pytest.mark.parametrize("program", [AT_THE_END, thoroughly(WITHOUT_A_LOOP)])
def test_a_line_is_not_lost_where_no_further_turn_comes(program: str) -> None:
    [piece] = written(program)
    assert json.loads(piece)["path"] == f"/{0:020}"
