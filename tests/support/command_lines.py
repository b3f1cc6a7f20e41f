"""Command lines of Ansible, run cold or in a fork server."""

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from app.runner.process.environment import run_environment
from app.runner.process.fingerprint import Configuration
from app.runner.process.fork_pool import ForkServers
from app.runner.process.supervisor import Exit, Job, supervise

HOSTS = """\
one ansible_connection=local ansible_python_interpreter={python}
two ansible_connection=local ansible_python_interpreter={python}
"""


def ansible(
    servers: ForkServers | None,
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
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.ini", *arguments]
        job = Job(command, variables, folder, Path(work), timeout)
        warm = partial(servers.start, Configuration(variables, folder)) if servers else None
        ended = supervise(job, on_line, cancel or Event(), warm)
        return ended._replace(output=ended.output.replace(work, "WORK"))


def play(folder: Path, *tasks: str, name: str = "site.yml", hosts: str = "all") -> str:
    """Write a playbook of one play into the folder; return its name."""
    lines = [f"- hosts: {hosts}", "  gather_facts: false", "  tasks:", *(f"    - {task}" for task in tasks)]
    (folder / name).write_text("\n".join(lines) + "\n")
    return name


def servers_of(folder: Path) -> list[int]:
    """The fork servers that run for a folder of playbooks."""
    title = f"ansible fork server\0{folder}".encode()
    found: dict[int, int] = {}  # with their parents
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cmdline").read_bytes().rstrip(b"\0") == title and not _is_zombie(process):
                found[int(process.name)] = int(_status(process)[1])
        except OSError:
            continue
    return [server for server, parent in found.items() if parent not in found]  # forks are renamed soon


def _is_zombie(process: Path) -> bool:
    return _status(process)[0] == "Z"


def _status(process: Path) -> list[str]:
    """Its state, its parent, and so on, proc_pid_stat(5)."""
    return (process / "stat").read_text().rpartition(")")[2].split()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(Path(f"/proc/{pid}"))
