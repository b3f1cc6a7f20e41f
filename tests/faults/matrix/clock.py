"""A clock that is set while programs run that go by it: clock.c, in front of the C library."""

import shutil
import struct
import subprocess
from pathlib import Path

HOUR = 3600
_SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """Right at first. Programs that are started with `environment` go by it; the monotonic one stays."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        self._library, self._file = folder / "clock.so", folder / "ahead"
        command: list[str | Path] = ["cc", "-shared", "-fPIC", "-O2", "-o", self._library, _SOURCE, "-ldl"]
        subprocess.run(command, check=True, timeout=60)
        self._file.touch(0o644)
        self.set(0)  # without cutting it: programs may have it in memory

    def set(self, seconds: int) -> None:
        """Let it be so many seconds fast, or slow where that is negative; at once."""
        with self._file.open("r+b", buffering=0) as file:
            file.write(struct.pack("q", seconds))

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs in its environment."""
        return {"LD_PRELOAD": str(self._library), "FAULT_CLOCK": str(self._file)}


def clocks_can_be_set() -> bool:
    """Whether there is a C compiler."""
    return shutil.which("cc") is not None
