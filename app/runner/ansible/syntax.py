"""Whether Ansible can read a playbook, found out before any run needs it."""

import re
import subprocess
import sys
from pathlib import Path

from app.core.config import settings
from app.runner.process.environment import ansible_environment

_TIMEOUT = 60.0  # seconds
_ERROR = re.compile(r"^(?:\[ERROR\]|ERROR!): *(.*)$", re.MULTILINE)


def why_unreadable(playbook: Path) -> str | None:
    """Return what Ansible has against the playbook, on one line; None when it can be run."""
    command = [sys.executable, "-m", "ansible", "playbook", "--syntax-check", "-i", "localhost,"]
    try:
        done = subprocess.run(  # noqa: S603
            [*command, str(playbook.absolute())],
            env=ansible_environment(settings().run_environment),
            cwd=playbook.absolute().parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    said = done.stderr.decode("utf-8", "replace")
    found = _ERROR.search(said)
    return found[1] if found else " ".join(said.split())[-500:]
