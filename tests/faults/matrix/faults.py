"""What a fault is. A family is a module in families/, with a function for each of its faults:

    @fault(lasts=2)
    def worker_killed(scene: Scene) -> Iterator[None]:
        scene.system.kill("worker-1")
        yield
        scene.system.start("worker-1")

The load runs before, during and after it. What is in front of `yield` injects the fault, what is behind
it heals.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from tests.faults.matrix import families
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.servers import DIRECT


@dataclass(frozen=True)
class Fault:
    """A row of the matrix."""

    name: str
    family: str
    inject: Callable[[Scene], AbstractContextManager[None]]
    lasts: float  # seconds until it is healed
    deadline: float  # seconds until all that was asked for is settled
    quick: bool  # whether `make test` has it
    upgrades: bool  # whether it finds the release before this one, one process of each kind
    possible: Callable[[], bool]  # whether this machine can have it
    backend: str  # that serves the zones

    @property
    def title(self) -> str:
        """The name in words."""
        return self.name.replace("_", " ")


_FAULTS: list[Fault] = []
_Injection = Callable[[Scene], Iterator[None]]


def fault(
    *,
    lasts: float = 2.0,
    deadline: float = 120.0,
    quick: bool = False,
    upgrades: bool = False,
    possible: Callable[[], bool] = lambda: True,
    backend: str = DIRECT,
) -> Callable[[_Injection], _Injection]:
    """Return a decorator that makes a row of a function."""

    def register(injection: _Injection) -> _Injection:
        family = injection.__module__.rpartition(".")[2]
        inject = contextmanager(injection)
        made = Fault(injection.__name__, family, inject, lasts, deadline, quick, upgrades, possible, backend)
        _FAULTS.append(made)
        return injection

    return register


def all_faults() -> Sequence[Fault]:
    """Return every fault, family by family."""
    for module in iter_modules(families.__path__):
        import_module(f"{families.__name__}.{module.name}")
    return _FAULTS
