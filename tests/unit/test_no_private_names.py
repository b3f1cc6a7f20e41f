"""No test and no benchmark reaches into a private name of the product."""

import pytest

from stack.paths import ROOT
from tests.support.private_names import private_names, reaches

FOLDERS = [ROOT / "tests", ROOT / "benchmarks"]
PRODUCT = [ROOT / "app", ROOT / "stack", ROOT / "playbooks"]

# These files still do. One that is mended leaves the list; none is added.
STILL: set[str] = set()


def test_none_reaches_into_a_private_name() -> None:
    of_product = private_names(*PRODUCT)
    files = (file for folder in FOLDERS for file in folder.rglob("*.py"))
    found = {str(file.relative_to(ROOT)): reaches(file.read_text(), of_product) for file in files}
    bad = {file: lines for file, lines in found.items() if lines}
    assert {file: lines for file, lines in bad.items() if file not in STILL} == {}
    assert bad.keys() >= STILL, "take what is mended off the list"


@pytest.mark.parametrize(
    "source",
    [
        "from app.tasks import _sweep",
        "from app import _tasks",
        "from app._tasks import sweep",
        "import app._tasks",
        "import app.tasks as tasks\ntasks._sweep()",
        "import app.tasks\napp.tasks._sweep()",
        "from app.tasks import (\n    Timer,\n    _sweep as sweep,\n)",
        "from app import tasks\ntasks.Timer._start",
        "from app.tasks import Timer\nTimer()._start()",
        "from ansible_collections.orchestrator.dns.plugins.plugin_utils import batch\nbatch._zone",
        'monkeypatch.setattr("app.tasks._sweep", None)',
        'from app import tasks\nmonkeypatch.setattr(tasks, "_sweep", None)',
        'from app import tasks\ngetattr(tasks.timer, "_sweep")',
        "timer._sweep()",
    ],
)
def test_every_way_to_reach_one_is_found(source: str) -> None:
    assert len(reaches(source, {"_sweep"})) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from app.tasks import sweep, __name__",
        "from ansible._internal import task",
        "from tests.support.kafka import _broker",
        "error = KafkaError._PARTITION_EOF",
        "from app import tasks\ntasks.sweep(_private)",
        "class Timer:\n    def stop(self): self._sweep()",
        'from app import tasks\ntasks.sweep("_x._tcp.example.test")',
        "from app.domain.server import Server\nServer('127.0.0.1', 53)._replace(port=1)",
    ],
)
def test_nothing_else_is(source: str) -> None:
    assert reaches(source, {"_sweep"}) == []
