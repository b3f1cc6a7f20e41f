"""The whole stack as one object: `with Stack(directory) as stack: use(stack.env)`."""

from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from stack.assembly import INFRASTRUCTURE, Assembly
from stack.bind import Bind
from stack.child import Log
from stack.errors import StackError
from stack.inventory import BACKEND
from stack.lock import locked
from stack.loop import LoopThread
from stack.nameserver import NameServer
from stack.ports import Ports
from stack.private import env_file
from stack.supervisor import Supervisor


class Stack:
    """Real servers, and the app's processes if `app` is true, which run for the block of a `with`.

    `directory` holds all state. `ports` are free ones unless given. `settings` are further environment
    variables for the app. `overrides` are the user's own: a server that they name (`DATABASE_URL` …) is used
    instead of a part of the stack. With `may_simulate` the stack runs even if no DNS server can be had, and
    changes are only simulated. Unless it is `durable`, no commit waits for the disk, and a crash of the
    machine may destroy the database. BIND serves `more_zones`, empty ones, from its start: `add_zone` takes
    longer. `log` gets the name of a part and each line that it prints. All methods
    raise StackError when they fail.
    """

    def __init__(
        self,
        directory: Path,
        parts: Collection[str] = INFRASTRUCTURE,
        *,
        app: bool = False,
        ports: Ports | None = None,
        settings: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
        may_simulate: bool = False,
        durable: bool = True,
        more_zones: Sequence[str] = (),
        log: Log | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.ports = ports or Ports.free()
        self._assembly = Assembly(
            self.directory, self.ports, overrides or {}, may_simulate, durable, more_zones
        )
        self._names = parts
        self._app = app
        self._more_settings = settings or {}
        self._log = log
        self._output: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=10_000))
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(locked(self.directory))
            self._assemble()
            opening.enter_context(env_file(self.directory / "env", self.env, self._assembly.overrides))
            self._loop = opening.enter_context(LoopThread())
            opening.callback(self._stop_all)
            self._loop.run(self._supervisor.start())
            self._open = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._open.close()

    @property
    def env(self) -> dict[str, str]:
        """The environment variables by which the app and other programs find the parts."""
        return self._assembly.settings

    def start(self, name: str) -> None:
        """Start a part that was stopped or killed, and wait until it is ready."""
        self._loop.run(self._supervisor[name].start())

    def stop(self, name: str) -> None:
        """Stop a part and leave it stopped."""
        self._loop.run(self._supervisor[name].stop())

    def kill(self, name: str) -> None:
        """Kill a part (SIGKILL to its process group) and leave it stopped."""
        self._loop.run(self._supervisor[name].kill())

    def restart(self, name: str) -> None:
        """Stop a part and start it again."""
        self.stop(name)
        self.start(name)

    def pid(self, name: str) -> int | None:
        """Return the id of a part's process, or None while there is none."""
        return self._supervisor[name].pid

    def data(self, name: str) -> Path:
        """Return the directory with a part's data. Change it only while the part is stopped."""
        return self.directory / name

    def output(self, name: str) -> str:
        """Return the last 10,000 lines that a part has printed."""
        return "\n".join(self._output[name])

    def add_zone(self, name: str, server: str = BACKEND) -> None:
        """Let a DNS server of the stack serve one more zone, which holds SOA and NS only."""
        self._name_server(server).add_zone(name)

    def frozen(self, name: str) -> AbstractContextManager[None]:
        """Let BIND take no updates of a zone for the block."""
        return self._bind().frozen(name)

    def rndc(self, *command: str) -> None:
        """Have BIND do something, by its control program."""
        self._bind().rndc(*command)

    def _bind(self) -> Bind:
        bind = self._name_server(BACKEND)
        if not isinstance(bind, Bind):
            raise StackError("BIND is not a part of the stack.")
        return bind

    def key_file(self, server: str = BACKEND) -> Path:
        """Return the file with the TSIG key for a DNS server's updates."""
        return self._name_server(server).key_file

    def _name_server(self, name: str) -> NameServer:
        part = self._supervisor[name].part
        if not isinstance(part, NameServer):
            raise StackError(f"{name} is not a DNS server of the stack.")
        return part

    def _assemble(self) -> None:
        self._assembly.add(self._names)
        self.env.update(self._more_settings)
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
