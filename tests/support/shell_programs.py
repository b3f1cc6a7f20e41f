"""`dns-orchestrator` and `python -m app.cli` for a shell, as forks of a process that has imported both.

Each has the caller's arguments, environment, folder and files, as if the shell had started it.
"""

import json
import os
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from socketserver import ForkingMixIn, StreamRequestHandler, UnixStreamServer

from app import cli
from stack.paths import ROOT
from tests.support.eventually import eventually
from tests.support.forked import Forked, run_here
from tests.support.processes import die_with_parent

_ASK = f"{sys.executable} -IS {ROOT}/tests/support/ask_for_fork.py"
_COMMAND = '#!/bin/sh\nexec {ask} {socket} -m dns_orchestrator "$@"\n'
_PYTHON = """\
#!/bin/sh
[ "$1 $2" = "-m app.cli" ] || exec {python} "$@"
exec {ask} {socket} "$@"
"""


@contextmanager
def shell_programs(folder: Path) -> Iterator[Path]:
    """Put `dns-orchestrator` and `python` into a folder that is for nothing else; yield it."""
    socket_path = folder / "socket"
    for name, text in (("dns-orchestrator", _COMMAND), ("python", _PYTHON)):
        program = folder / name
        program.write_text(text.format(ask=_ASK, socket=socket_path, python=sys.executable))
        program.chmod(0o755)
    server = ("-m", "tests.support.shell_programs", str(socket_path))
    with Forked(server, {}, folder / "log") as process:
        eventually(lambda: socket_path.exists() or not process.running)
        assert process.running, process.output
        yield folder


class _Server(ForkingMixIn, UnixStreamServer):
    request_queue_size = 64


class _Handler(StreamRequestHandler):
    """Becomes the program, in the fork that is made for each call."""

    def handle(self) -> None:
        die_with_parent()
        content, files, _, _ = socket.recv_fds(self.request, 1 << 16, 3)
        words, environment, folder = json.loads(content + self.rfile.read())
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        # Streams remember whether their file can be sought in: these are of other files.
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode) for n, mode in enumerate("rww"))
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        self.wfile.write(bytes([_status_of(words)]))


def _status_of(words: list[str]) -> int:
    status: object = 0
    try:
        run_here(words)
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status if isinstance(status, int) else int(status is not None)


def _serve(path: str) -> None:
    for module in ("dns_orchestrator.cli", *(f"app.cli.{each.name}" for each in iter_modules(cli.__path__))):
        if module != "app.cli.__main__":  # the program itself
            import_module(module)
    with _Server(path, _Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    _serve(sys.argv[1])
