"""`python -m stack up` runs everything in the foreground until Ctrl-C.

`fetch` downloads the servers that are no Python packages, `clean` removes all that was made.
"""

import argparse
import os
import signal
import sys
import zlib
from collections.abc import Mapping
from types import FrameType

from app.core.config import settings as app_settings
from stack.cleaning import clean
from stack.debian import unpacked
from stack.embedded import Stack
from stack.errors import StackError, Unavailable
from stack.paths import PACKAGES, STATE
from stack.ports import Ports
from stack.private import without_exported

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)  # of the terminal, one for each part
_NAME_WIDTH = 8
_PACKAGES = (
    "bind9",
    "bind9-dnsutils",
    "knot",
    "pdns-server",
    "pdns-backend-sqlite3",
    "krb5-kdc",
    "krb5-admin-server",
    "prometheus",
)


def main() -> int:
    """Run the command that the arguments name, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything and stay in the foreground")
    up.add_argument("--infra", action="store_true", help="only the servers, not the app's processes")
    commands.add_parser("fetch", help="download the DNS servers of the stack and of the tests")
    commands.add_parser("clean", help="remove all that was downloaded, built and stored below the checkout")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        if arguments.command == "clean":
            clean()
        elif arguments.command == "fetch":
            fetch()
        else:
            run(app=not arguments.infra, environment=os.environ)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def run(*, app: bool, environment: Mapping[str, str]) -> None:
    """Start the stack and wait for an interrupt. Raises StackError."""
    ports = Ports.from_environment(environment)
    if app:
        app_settings()  # or each process would end with the same page, again and again
    environment, exported = without_exported(environment, STATE / "last-env")
    settings = {"LOG_FORMAT": "console"} if sys.stdout.isatty() and "LOG_FORMAT" not in environment else {}
    with Stack(
        STATE, app=app, ports=ports, settings=settings, overrides=environment, may_simulate=True, log=show
    ) as stack:
        address = f"The API is at http://127.0.0.1:{ports.api}/docs. " if app else ""
        if exported:
            show("stack", "Started anew; what this shell has from an earlier stack's env is left out.")
        if app:
            show("stack", "`make client` makes the command that asks for changes: dns-orchestrator --help.")
        show("stack", f"Ready. {address}Settings are in {stack.directory / 'env'}. Ctrl-C stops everything.")
        try:
            signal.pause()
        finally:
            show("stack", "Stopping …")


def fetch() -> None:
    """Download and unpack the DNS servers, a KDC and promtool; say so where they can't be had."""
    for package in _PACKAGES:
        try:
            unpacked(package, PACKAGES)
        except Unavailable as error:
            print(f"{error}\nWhat needs it is skipped, or fails and says so.", file=sys.stderr)


def show(part: str, line: str) -> None:
    """Print a line of a part as `part | line`, in a colour of the part's own on a terminal."""
    prefix = f"{part:>{_NAME_WIDTH}} |"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        prefix = f"\x1b[{_COLOURS[zlib.crc32(part.encode()) % len(_COLOURS)]}m{prefix}\x1b[0m"
    print(prefix, line, flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
