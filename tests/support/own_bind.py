"""A BIND of a test's own, with a configuration that the stack's does not have."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.bind import Bind
from stack.paths import PACKAGES
from stack.ports import Ports, is_free
from tests.support.eventually import eventually


@contextmanager
def running_bind(home: Path, ports: Ports, configuration: str) -> Iterator[Bind]:
    """Run BIND for the block, with this configuration, which has it listen on `ports.dns`."""
    (home / "named.conf").write_text(configuration)
    bind = Bind(home / "state", ports.dns, ports.rndc, PACKAGES)
    command = [bind.command()[0], "-f", "-n", "1", "-c", home / "named.conf"]
    with subprocess.Popen(command, env=bind.environment(), stderr=subprocess.DEVNULL) as named:
        try:
            eventually(lambda: not is_free(ports.dns))
            yield bind
        finally:
            named.terminate()
