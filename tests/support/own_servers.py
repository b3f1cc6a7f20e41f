"""BIND and Knot with configurations of a test's own, in folders of their own."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from stack.bind import Bind
from stack.knot import Knot
from stack.paths import PACKAGES
from stack.ports import HOST, is_free
from tests.support.eventually import eventually

_BIND = """\
options {{
    directory "{home}"; listen-on port {port} {{ {host}; }}; listen-on-v6 {{ none; }};
    pid-file none; session-keyfile none; recursion no; dnssec-validation no; empty-zones-enable no;
    notify-source {host}; transfer-source {host}; max-transfer-idle-in 1;
}};
controls {{ }};
"""
_KNOT = """\
server:
    rundir: .
    listen: {host}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: db
    journal-db-max-size: 16M
"""


@contextmanager
def own_bind(home: Path, configuration: str, port: int) -> Iterator[None]:
    """Run BIND in this folder for the block, with a configuration below its options."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "named.conf").write_text(_BIND.format(home=home, port=port, host=HOST) + configuration)
    bind = Bind(home / "state", port, port, PACKAGES)
    command = [bind.command()[0], "-f", "-n", "1", "-c", home / "named.conf"]
    with _running(command, bind.environment(), home, port):
        yield


@contextmanager
def own_knot(home: Path, configuration: str, port: int) -> Iterator[None]:
    """Run Knot in this folder for the block, with a configuration below its server section."""
    (home / "db").mkdir(parents=True, exist_ok=True)
    (home / "knot.conf").write_text(_KNOT.format(port=port, host=HOST) + configuration)
    knot = Knot(home / "state", port, PACKAGES)
    with _running(knot.command(), knot.environment(), home, port):
        yield


@contextmanager
def _running(
    command: Sequence[str | Path], environment: Mapping[str, str], home: Path, port: int
) -> Iterator[None]:
    with (
        (home / "log").open("a") as log,
        subprocess.Popen(command, env=environment, cwd=home, stdout=log, stderr=log) as server,
    ):
        try:
            eventually(lambda: not is_free(port))
            yield
        finally:
            server.terminate()
