"""The command line that others see of a process."""

import subprocess
import sys
from pathlib import Path

from app.core.config import ROOT

TITLE = """
import sys
from fork_server.title import set_title
set_title(["one", "two words", "ü" * 9])
print(open("/proc/self/cmdline").read().rstrip("\\0").split("\\0"))
set_title(["x" * 9000])
print(len(open("/proc/self/cmdline").read().rstrip("\\0")) > 4000)
"""


def test_the_title_is_shown_as_arguments_and_cut_to_its_room(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TITLE, " " * 4096],
        env={"PYTHONPATH": str(ROOT / "app" / "runner"), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [str(["one", "two words", "ü" * 9]), "True"]
