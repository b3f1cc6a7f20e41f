"""What is remembered of an `apply` that was interrupted: so it goes on, and asks for nothing twice."""

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Self
from uuid import uuid4

from dns_orchestrator.change import Change
from dns_orchestrator.errors import ConfigurationError
from dns_orchestrator.files import Entry
from dns_orchestrator.settings import Settings, in_home


@dataclass
class ApplyState:
    """An `apply` of a file for an account of an API.

    Each change has an idempotency key made of its content and the run's id: repeated before the run has come
    to its end, it is the same request, also where lines of the file have moved or were corrected meanwhile.
    """

    path: Path | None
    run: str
    begun: str
    resumed: bool = False

    @classmethod
    def find(cls, file: Path, settings: Settings) -> Self:
        """Return what is remembered of a file, or a new state. Raises ConfigurationError."""
        whose = json.dumps([str(file.resolve()), settings.url, settings.account_id])
        path = state_folder() / "apply" / f"{sha256(whose.encode()).hexdigest()[:32]}.json"
        try:
            found = json.loads(path.read_text())
            return cls(path, found["run"], found["begun"], resumed=True)
        except FileNotFoundError:
            return cls.begin(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(f"{path} can't be read; remove it to begin anew: {error}") from error

    @classmethod
    def begin(cls, path: Path | None) -> Self:
        """Return a new state."""
        return cls(path, str(uuid4()), datetime.now(UTC).isoformat(timespec="seconds"))

    def save(self) -> None:
        """Remember it. Raises ConfigurationError."""
        if self.path is None:
            return
        said = json.dumps({"run": self.run, "begun": self.begun})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = self.path.with_suffix(".new")
            draft.write_text(said)
            draft.replace(self.path)
        except OSError as error:
            raise ConfigurationError(f"what is asked for can't be remembered: {error}") from error

    def forget(self) -> None:
        """Remember nothing: all is done."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def with_keys(self, entries: Iterable[Entry]) -> list[Change]:
        """Return the changes, each with its idempotency key; the same several times has several."""
        seen: Counter[str] = Counter()
        changes = []
        for entry in entries:
            text = entry.change.model_dump_json(exclude={"idempotency_key"}, exclude_none=True)
            seen[text] += 1
            content = sha256(f"{seen[text]} {text}".encode()).hexdigest()
            changes.append(entry.change.model_copy(update={"idempotency_key": f"{self.run}/{content}"}))
        return changes


def state_folder() -> Path:
    """Return where programs remember things."""
    return in_home(os.environ.get("XDG_STATE_HOME") or "~/.local/state") / "dns-orchestrator"
