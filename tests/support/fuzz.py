"""`make fuzz`: inputs that nobody has thought of, for as long as one likes, two targets at a time.

What needs no server is tried by atheris (coverage_guided.py) where that is there; the rest by Hypothesis,
with another seed in each round, as is one round of all. What has failed is kept in .stack/fuzz.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import NamedTuple

from stack.command import run
from stack.paths import ROOT
from tests.support.fuzzing import FOLDER

NAMES = "tests/unit/domain/test_names.py::test_any_text_is_either_normal_in_the_end_or_refused"
RDATA = "tests/unit/domain/rdata/test_properties.py"
MESSAGES = "tests/unit/nameservers/test_damaged_messages.py"
WITHOUT_SERVERS = {
    "names": NAMES,
    "patterns": "tests/unit/domain/test_name_patterns.py::test_a_pattern_is_read_or_refused",
    "rdata": f"{RDATA}::test_any_text_is_canonical_in_the_end_or_refused",
    "octets": f"{RDATA}::test_what_a_server_has_is_itself_or_refused",
    "master-files": "tests/unit/domain/test_master_file.py::test_any_text_is_read_or_refused",
    "answers": f"{MESSAGES}::test_an_answer_is_read_or_is_an_error",
    "transfers": f"{MESSAGES}::test_a_message_of_a_transfer_is_read_or_malformed",
    "signatures": f"{MESSAGES}::test_a_signature_counts_for_what_was_signed_alone",
    "kafka-values": "tests/unit/kafka/test_message.py::test_whatever_comes_is_an_item_or_refused",
}
WITH_SERVERS = {
    "api": "tests/integration/api/test_stateful.py",
    "kafka": "tests/integration/kafka/test_any_messages.py",
    "name-servers": "tests/integration/nameservers/test_lying_servers.py",
    "fork-server": "tests/integration/runner/fork_server/test_garbage.py",
}
PACKAGES = FOLDER / "packages"  # where `make fuzz` installs atheris
PYTHON = [sys.executable]
PYTEST = [*PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=0"]
AT_ONCE = 2  # targets
INTERVAL = 10.0  # seconds between two lines about a target
END_TIMEOUT = 20.0  # seconds for servers to end
END_TRIES = 3
_SO_FAR = re.compile(r"^#(\d+)\s.*?cov: (\d+)", re.MULTILINE)


class Target(NamedTuple):
    """What is tried, and for how long."""

    name: str
    node: str
    seconds: int
    guided: bool

    @property
    def log(self) -> Path:
        return FOLDER / f"{self.name}.log"

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def kept(self) -> list[Path]:
        """What atheris has kept: inputs that took too long, too much memory, or ended the process."""
        return [each for each in self.folder.glob("*-*") if each.is_file()]

    def command(self, number: int, seconds: float) -> list[str]:
        """Return what a round runs: Hypothesis, and from the second round on atheris where it can."""
        if self.guided and number:
            where = [self.node, str(self.folder), str(round(seconds))]
            return [*PYTHON, "-m", "tests.support.coverage_guided", *where]
        return [*PYTEST, f"--hypothesis-seed={int(time.time())}", self.node]


def main(minutes: float, only: Sequence[str]) -> int:
    """Try all targets, or some; return 1 if an input has failed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    targets = choose(minutes, only)
    with ThreadPoolExecutor(AT_ONCE) as lanes:
        failed = [
            target for target, well in zip(targets, lanes.map(pursue, targets), strict=True) if not well
        ]
    for target in failed:
        print(f"\n{target.name} has failed: {target.log}; to repeat it:\n  {how_to_repeat(target)}")
    return bool(failed)


def choose(minutes: float, only: Sequence[str]) -> list[Target]:
    """Return the targets, each with its share of the time."""
    guided = find_spec("atheris") is not None
    if not guided:
        print("atheris is not there for this Python or system: Hypothesis tries all by itself")
    known = WITHOUT_SERVERS | WITH_SERVERS
    if unknown := set(only) - set(known):
        sys.exit(f"no such target: {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = only or list(known)
    share = max(5, round(minutes * 60 * AT_ONCE / max(AT_ONCE, len(chosen))))
    return [Target(name, known[name], share, guided and name in WITHOUT_SERVERS) for name in chosen]


def pursue(target: Target) -> bool:
    """Try a target until its time is over; return False if an input has failed."""
    began = time.monotonic()
    with target.log.open("wb") as log:
        for number in count():
            left = target.seconds - (time.monotonic() - began)
            if left < 1:
                break
            if run_round(target, target.command(number, left), log.fileno(), began):
                return False
    return True


def run_round(target: Target, command: list[str], log: int, began: float) -> bool:
    """Run one process, and end it when the target's time is over; return whether it has failed before."""
    environment = os.environ | {"FUZZ": "true"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as process:
        shown = time.monotonic()
        while process.poll() is None:
            time.sleep(0.2)
            now = time.monotonic()
            if now - shown > INTERVAL:
                shown = now
                took = f"{now - began:5.0f} of {target.seconds} s"
                print(f"{target.name:13} {took}  {so_far(target)}", flush=True)
            if now - began > target.seconds:
                end(process)
                return False
        return process.returncode != 0


def end(process: "subprocess.Popen[bytes]") -> None:
    """Have a process end its servers and itself; a signal that comes within a library's call may be lost."""
    for _ in range(END_TRIES):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_TIMEOUT)
            return
    process.kill()  # and its servers with it, as the kernel sees to


def so_far(target: Target) -> str:
    """Say how much was tried."""
    text = target.log.read_text(errors="replace")
    if found := _SO_FAR.findall(text):
        return f"{int(found[-1][0]):,} inputs, {found[-1][1]} edges"
    return f"round {1 + text.count(' passed')}"


def how_to_repeat(target: Target) -> str:
    """Return the commands that try again what has failed."""
    ways = [f"pytest {target.node}"]
    ways += [f"tests.support.coverage_guided {target.node} {target.folder} {each}" for each in target.kept]
    return "\n  ".join(f"FUZZ=true PYTHONPATH={PACKAGES} {sys.executable} -m {way}" for way in ways)


if __name__ == "__main__":
    only = [each for each in sys.argv[1].split(",") if each]
    run(lambda: main(float(os.environ.get("MINUTES", "10")), only))
