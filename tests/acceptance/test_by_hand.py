"""What docs/reference/playbooks.md shows can be done by hand."""

import os
import re
import subprocess
import sys
from pathlib import Path

from app.core.config import ROOT
from stack.embedded import Stack
from tests.support.user import User

PAGE = (ROOT / "docs" / "reference" / "playbooks.md").read_text()
[COMMANDS] = re.findall(r"It can be tried by hand.*?```\n(.*?)```", PAGE, re.DOTALL)


def test_the_shipped_playbook_runs_by_hand(stack: Stack, user: User, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, **stack.env, "PATH": path, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-e", "-c", COMMANDS], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"outcome": "applied"' in done.stdout
    assert user.dig("by-hand.example.test", "A") == {"192.0.2.10"}
