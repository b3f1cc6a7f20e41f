"""Run programs that download: with a time limit, a word when it takes long, and further tries."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TRIES = 3
LIMIT = 300.0  # seconds for one try
NOTICE = 20.0  # seconds after which somebody who waits is told what for
PAUSE = 2.0  # seconds between two tries


def fetch(
    what: str, command: Sequence[str | Path], *, tries: int = TRIES, limit: float = LIMIT, **options: Any
) -> "subprocess.CompletedProcess[str]":
    """Run a program that downloads `what`, and return how its last try ended. `options` are Popen's."""
    for left in reversed(range(tries)):
        done = _run(what, command, limit, options)
        if done.returncode == 0 or not left:
            return done
        print(f"{what}: that failed; trying again …", file=sys.stderr, flush=True)
        time.sleep(PAUSE)
    raise AssertionError("at least one try")


def _run(
    what: str, command: Sequence[str | Path], limit: float, options: dict[str, Any]
) -> "subprocess.CompletedProcess[str]":
    with subprocess.Popen(list(map(str, command)), text=True, stdin=subprocess.DEVNULL, **options) as process:
        waited = 0.0
        while True:
            try:
                output, errors = process.communicate(timeout=min(NOTICE, limit - waited))
            except subprocess.TimeoutExpired:
                waited += NOTICE
                if waited < limit:
                    print(f"{what}: still waiting after {waited:.0f} s; the registry is slow", flush=True)
                    continue
                process.kill()
                output, errors = process.communicate()
                errors = (errors or "") + f"\n{what}: nothing came within {limit:.0f} s."
            return subprocess.CompletedProcess(process.args, process.returncode, output, errors)
