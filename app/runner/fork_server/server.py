"""The fork server's process: loads Ansible, tells the worker, and makes a fork for each command.

Started as `python …/fork_server/__main__.py server OPTIONS DESCRIPTOR`: the options as JSON, and the number
of the descriptor on which the worker waits for {"error": …, "output": …}; "error" is null when the server is
ready.
"""

import json
import os
import sys
from pathlib import Path
from shutil import rmtree

from .listener import Listener
from .protocol import ServerOptions
from .title import set_title

_MAX_SHOWN = 2_000  # characters of Ansible's output that the worker gets when Ansible can't be loaded


def main() -> None:
    """Load Ansible, report to the worker, and serve. The forks run in here, too."""
    options = ServerOptions(**json.loads(sys.argv[1]))
    if os.fork():
        os._exit(0)  # the process that started this one need not collect it when it ends
    set_title(["ansible fork server", options.cwd])
    _collect_output()
    try:
        startup_output = _load_ansible(options.cwd)
        listener = Listener(options)
    except BaseException as error:
        _report(f"{type(error).__name__}: {error}", _collected_output()[-_MAX_SHOWN:])
        raise
    _discard_output()
    _report(None, "")
    _serve(listener, startup_output.encode())
    if listener.owner_is_gone():
        rmtree(Path(options.socket).parent, ignore_errors=True)


def _load_ansible(cwd: str) -> str:
    """Import Ansible as `python -m ansible` does it in `cwd`; return what it wrote on the way."""
    sys.path[0] = cwd
    from .ansible_internals import check

    output = _collected_output()
    check()
    from .preload import preload

    preload(cwd)
    check()
    return output


def _serve(listener: Listener, startup_output: bytes) -> None:
    from .fork import run

    channel = listener.next_fork()
    if channel is None:
        return
    try:
        listener.close()
        run(channel, startup_output)
    finally:
        os._exit(0)


def _collect_output() -> None:
    memory = os.memfd_create("output")
    os.dup2(memory, 1)
    os.dup2(memory, 2)
    os.close(memory)


def _collected_output() -> str:
    sys.stdout.flush()
    sys.stderr.flush()
    return os.pread(1, os.fstat(1).st_size, 0).decode("utf-8", "replace")


def _discard_output() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _report(error: str | None, output: str) -> None:
    descriptor = int(sys.argv[2])
    os.write(descriptor, json.dumps({"error": error, "output": output}).encode())
    os.close(descriptor)
