"""The units for systemd: it accepts them, and they start what docs/how-to/systemd.md says."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.core.config import ROOT, Settings

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
EXAMPLE = ROOT / "deploy" / "systemd" / "environment.example"
COMMANDS = {
    "api": "uvicorn app.main:app",
    "worker": "celery -A app.tasks worker --loglevel=info -Q dns_tasks",
    "consumer": "python run_consumer.py",
}


def test_there_is_one_for_each_process() -> None:
    assert [unit.stem for unit in UNITS] == [f"dns-orchestrator-{name}" for name in sorted(COMMANDS)]
    for unit in UNITS:
        [command] = re.findall(r"^ExecStart=/opt/dns-orchestrator/\.venv/bin/(.+)$", unit.read_text(), re.M)
        assert command.startswith(COMMANDS[unit.stem.rpartition("-")[2]])


def test_the_worker_has_a_user_of_its_own_who_can_read_the_keys() -> None:
    users = {unit.stem: re.findall(r"^User=(.+)$", unit.read_text(), re.M) for unit in UNITS}
    worker = users.pop("dns-orchestrator-worker")
    assert worker not in users.values()
    steps = (ROOT / "docs" / "how-to" / "systemd.md").read_text()
    for [user] in [worker, *users.values()]:
        assert re.search(rf"^useradd .* {user}$", steps, re.M)
    assert f"-o {worker[0]} " in steps


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_accepts_it(unit: Path, tmp_path: Path) -> None:
    for each in UNITS:  # one names another
        programs = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", each.read_text(), flags=re.M)
        (tmp_path / each.name).write_text(programs)
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / unit.name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_example_has_only_settings_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line for line in EXAMPLE.read_text().splitlines() if not line.startswith("#")]
    given = dict(line.split("=", 1) for line in lines)
    assert set(given) <= {name.upper() for name in Settings.model_fields}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert not Settings().simulated
