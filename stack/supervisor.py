"""Start the parts of a stack stage by stage, and stop them in reverse order."""

import asyncio
from collections.abc import Sequence

from stack.child import Child, Log
from stack.errors import StackError
from stack.part import Part


class Supervisor:
    """Starts each stage when all parts of the stage before it are ready, and keeps all parts running."""

    def __init__(self, stages: Sequence[Sequence[Part]], log: Log) -> None:
        self._stages = [[Child(part, log) for part in stage] for stage in stages]
        self._children = {child.part.name: child for stage in self._stages for child in stage}

    def __getitem__(self, name: str) -> Child:
        if name not in self._children:
            raise StackError(f"{name} is not a part of this stack, which has {', '.join(self._children)}.")
        return self._children[name]

    async def start(self) -> None:
        """Start everything. Raises StackError for the first part that does not become ready."""
        for stage in self._stages:
            await asyncio.gather(*(child.start() for child in stage))

    async def stop(self) -> None:
        """Stop everything that runs, the last stage first."""
        for stage in reversed(self._stages):
            await asyncio.gather(*(child.stop() for child in stage))

    async def kill(self) -> None:
        """Kill everything at once."""
        await asyncio.gather(*(child.kill() for child in self._children.values()))
