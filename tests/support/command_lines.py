"""Command lines of `ansible-playbook`, run in processes of their own or in forks."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from app.runner.fork_server.protocol import Command
from app.runner.process.environment import run_environment
from app.runner.process.fork_pool import ForkPool
from app.runner.process.supervisor import Exit, supervise

HOSTS = """\
one ansible_connection=local ansible_python_interpreter={python}
two ansible_connection=local ansible_python_interpreter={python}
"""


def ansible(
    pool: ForkPool | None,
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    timeout: float = 60,
    cancel: Event | None = None,
    on_line: Callable[[bytes], None] = lambda _: None,
) -> Exit:
    """Run `ansible-playbook` in a folder, over the hosts one and two."""
    hosts = folder / "hosts.ini"
    if not hosts.exists():
        hosts.write_text(HOSTS.format(python=sys.executable))
    with TemporaryDirectory(prefix="dns-run-") as work:
        scratch = Path(work) / "tmp"
        scratch.mkdir()
        variables = run_environment(folder, scratch) | dict(environment or {})
        argv = [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.ini", *arguments]
        command = Command(argv, variables, str(folder), work, timeout)
        ended = supervise(command, on_line, cancel or Event(), pool.start if pool else None)
        return ended._replace(output=ended.output.replace(work, "WORK"))


def play(folder: Path, *tasks: str, name: str = "site.yml", hosts: str = "all") -> str:
    """Write a playbook of one play into the folder; return its name."""
    lines = [f"- hosts: {hosts}", "  gather_facts: false", "  tasks:", *(f"    - {task}" for task in tasks)]
    (folder / name).write_text("\n".join(lines) + "\n")
    return name


def make_quick_and_slow(folder: Path) -> Path:
    """Write site.yml, which only says hello, and slow.yml, which takes as long as `slow` tells it."""
    play(folder, "debug: {msg: hello}")
    slowly = f"cd {folder} && touch started && sleep {{{{ seconds }}}} && touch ended"
    play(folder, f"raw: {slowly}", name="slow.yml")
    return folder


def slow(seconds: float) -> tuple[str, ...]:
    """Return the arguments for a run of slow.yml."""
    return ("slow.yml", "--limit", "one", "-e", f"seconds={seconds}")
