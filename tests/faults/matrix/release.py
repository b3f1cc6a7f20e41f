"""The releases whose processes the system runs: this one, or the one before it."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stack.paths import ROOT
from tests.support.forked import Forked
from tests.support.kafka.processes import Program
from tests.support.previous_release import previous_release

_PLAYBOOK = Path("tests", "faults", "matrix", "playbook.yml")


@dataclass(frozen=True)
class Release:
    """A release, by the folder that has its files."""

    folder: Path

    @property
    def playbook(self) -> Path:
        """The playbook with the gates, around the release's own one."""
        return self.folder / _PLAYBOOK

    @property
    def schema(self) -> str:
        """The newest revision that it knows, by the files' names: those of another one can't be read."""
        files = (self.folder / "migrations" / "versions").glob("[0-9]*_*.py")
        return max(path.name.partition("_")[0] for path in files)

    def run(self, words: Sequence[str], env: Mapping[str, str], log: Path) -> Forked | Program:
        """Run a program of the release; a fork of what has imported this one starts at once.

        What the dynamic linker is to load beside it, a fork would not.
        """
        if self == CURRENT and "LD_PRELOAD" not in env:
            return Forked(words, env, log)
        return Program(words, env, log, cwd=self.folder)


CURRENT = Release(ROOT)


def release_before() -> Release:
    """Return the release before this one, with a playbook as this one has for these tests."""
    release = Release(previous_release())
    if not release.playbook.exists():
        release.playbook.parent.mkdir(parents=True, exist_ok=True)
        for name in ("ansible.cfg", "playbook.yml"):
            shutil.copy(CURRENT.playbook.with_name(name), release.playbook.with_name(name))
    return release
