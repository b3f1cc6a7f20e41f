"""`python -m fork_server ORDER`, started in the folder above this one."""

import json
import os
import sys
from pathlib import Path
from shutil import rmtree
from typing import Any

from .protocol import ServerOrder
from .server import Limits, Server
from .title import set_title

_SHOWN = 2_000  # characters of what Ansible said that are passed on when it can't be loaded


def main() -> None:
    """Load Ansible, say so, and serve. Jobs end in here, too: they are forks."""
    order: ServerOrder = json.loads(sys.argv[1])
    if os.fork():
        os._exit(0)  # whoever starts a server need not collect it
    set_title(["ansible fork server", order["cwd"]])
    _collect_output()
    try:
        said = _load_ansible(order["cwd"])
        server = Server(Path(order["socket"]), order["owner"], Limits(order["jobs"], order["idle"]))
    except BaseException as error:
        _answer(order, failed=f"{type(error).__name__}: {error}", said=_said()[-_SHOWN:])
        raise
    _discard_output()
    _answer(order, failed=None, said="")
    _serve(server, said.encode())
    if server.owner_is_gone():
        rmtree(Path(order["socket"]).parent, ignore_errors=True)


def _load_ansible(cwd: str) -> str:
    """Import Ansible as `python -m ansible` does it in `cwd`; return what it said."""
    os.chdir(cwd)
    sys.path[0] = cwd
    from .ansible_internals import check

    said = _said()
    check()
    from .preload import preload

    preload(cwd)
    check()
    return said


def _serve(server: Server, said: bytes) -> None:
    from .job import run

    fork = server.next_fork()
    if fork is None:
        return
    try:
        server.close()
        run(fork, said)
    finally:
        os._exit(0)


def _collect_output() -> None:
    output = os.memfd_create("output")
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _said() -> str:
    sys.stdout.flush()
    sys.stderr.flush()
    return os.pread(1, os.fstat(1).st_size, 0).decode("utf-8", "replace")


def _discard_output() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _answer(order: ServerOrder, **answer: Any) -> None:
    os.write(order["ready"], json.dumps(answer).encode())
    os.close(order["ready"])


if __name__ == "__main__":
    main()
