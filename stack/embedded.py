"""The whole stack as one object: `with Stack(directory) as stack: use(stack.env)`."""

from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from stack.assembly import INFRASTRUCTURE, Assembly
from stack.child import Log
from stack.envfile import env_file
from stack.errors import StackError
from stack.inventory import BACKEND
from stack.lock import locked
from stack.loop import LoopThread
from stack.nameserver import NameServer
from stack.ports import Ports
from stack.supervisor import Supervisor


class Stack:
    """Real servers, and the app's processes if asked for, from `with` to the end of its block.

    `directory` holds all state. `ports` are free ones unless given. `settings` are further environment
    variables for the app. Parts that `outside` names (`DATABASE_URL`, …) are used instead of started.
    Everything that does not work raises `StackError`.
    """

    def __init__(
        self,
        directory: Path,
        parts: Collection[str] = INFRASTRUCTURE,
        *,
        app: bool = False,
        ports: Ports | None = None,
        settings: Mapping[str, str] | None = None,
        outside: Mapping[str, str] | None = None,
        may_simulate: bool = False,
        log: Log | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.ports = ports or Ports.free()
        self._assembly = Assembly(self.directory, self.ports, outside or {}, may_simulate)
        self._names = parts
        self._app = app
        self._extra = settings or {}
        self._log = log
        self._output: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=10_000))
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(locked(self.directory))
            self._assemble()
            opening.enter_context(env_file(self.directory / "env", self.env))
            self._loop = opening.enter_context(LoopThread())
            opening.callback(self._stop_all)
            self._loop.run(self._supervisor.start())
            self._open = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._open.close()

    @property
    def env(self) -> dict[str, str]:
        """The environment variables by which the app, and whoever else, finds the parts."""
        return self._assembly.settings

    def start(self, name: str) -> None:
        """Start a part that was stopped or killed, and wait until it is ready."""
        self._loop.run(self._supervisor[name].start())

    def stop(self, name: str) -> None:
        """Stop a part and leave it stopped."""
        self._loop.run(self._supervisor[name].stop())

    def kill(self, name: str) -> None:
        """Kill a part (SIGKILL, with its process group) and leave it dead."""
        self._loop.run(self._supervisor[name].kill())

    def restart(self, name: str) -> None:
        """Stop a part and start it again."""
        self.stop(name)
        self.start(name)

    def pid(self, name: str) -> int | None:
        """The id of a part's process now, None while there is none."""
        return self._supervisor[name].pid

    def data(self, name: str) -> Path:
        """The directory that holds a part's data; to be changed only while the part is not running."""
        return self.directory / name

    def output(self, name: str) -> str:
        """What a part has written so far (its last 10,000 lines)."""
        return "\n".join(self._output[name])

    def add_zone(self, name: str, server: str = BACKEND) -> None:
        """Let a DNS server of the stack serve one more zone, empty but for SOA and NS."""
        self._name_server(server).add_zone(name)

    def key_file(self, server: str = BACKEND) -> Path:
        """The file with the TSIG key of a DNS server's updates."""
        return self._name_server(server).key_file

    def _name_server(self, name: str) -> NameServer:
        part = self._supervisor[name].part
        if not isinstance(part, NameServer):
            raise StackError(f"{name} is no DNS server of the stack.")
        return part

    def _assemble(self) -> None:
        self._assembly.add(self._names)
        self.env.update(self._extra)
        stages = [self._assembly.infrastructure, self._assembly.app() if self._app else []]
        self.ports.check(listener for stage in stages for part in stage for listener in part.listeners)
        self._supervisor = Supervisor(stages, self._write)
        for note in self._assembly.notes:
            self._write("stack", note)

    def _stop_all(self) -> None:
        try:
            self._loop.run(self._supervisor.stop())
        except BaseException:
            self._loop.run(self._supervisor.kill())
            raise

    def _write(self, name: str, line: str) -> None:
        self._output[name].append(line)
        if self._log is not None:
            self._log(name, line)
