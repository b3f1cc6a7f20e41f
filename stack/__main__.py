"""`python -m stack up` runs everything in the foreground until Ctrl-C; `clean` leaves nothing behind."""

import argparse
import os
import signal
import sys
from collections.abc import Mapping
from types import FrameType

from stack.clean import clean
from stack.console import show
from stack.embedded import Stack
from stack.errors import StackError
from stack.paths import STATE
from stack.ports import Ports


def main() -> int:
    """Run the command that the arguments name, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything and stay in the foreground")
    up.add_argument("--infra", action="store_true", help="only the servers, not the app's processes")
    commands.add_parser("clean", help="remove all that was downloaded, built and stored below the checkout")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        if arguments.command == "clean":
            clean()
        else:
            run(app=not arguments.infra, environment=os.environ)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def run(*, app: bool, environment: Mapping[str, str]) -> None:
    """Start the stack and wait for an interrupt."""
    ports = Ports.from_environment(environment)
    settings = {"LOG_FORMAT": "console"} if sys.stdout.isatty() and "LOG_FORMAT" not in environment else {}
    with Stack(
        STATE, app=app, ports=ports, settings=settings, outside=environment, may_simulate=True, log=show
    ) as stack:
        address = f"The API is at http://127.0.0.1:{ports.api}/docs. " if app else ""
        show("stack", f"Ready. {address}Settings are in {stack.directory / 'env'}. Ctrl-C stops everything.")
        try:
            signal.pause()
        finally:
            show("stack", "Stopping …")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
