"""While the shipped playbook runs, its keys are in no arguments, no environment and no file of the run."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from app.domain.change import Change
from stack.embedded import Stack
from tests.integration.conftest import ZoneOn
from tests.support.builders import change
from tests.support.runs import execute
from tests.support.zones import ApiZoneUnderTest

pytestmark = pytest.mark.usefixtures("either_way")

Looks = Iterator[Callable[[], list[str]]]


@contextmanager
def somebody_looks_for(secret: str, folder: Path) -> Looks:
    """Look around again and again; in the end, the call says where the secret was, and what was seen."""
    found: list[str] = []
    seen: list[str] = []
    over = Event()

    def look() -> None:
        while not over.is_set():
            for process in psutil.process_iter(["cmdline", "environ"]):
                shown = f"{process.info['cmdline']} {process.info['environ']}"
                seen.append("run") if "dns_run_id" in shown else None
                found.append(shown) if secret in shown else None
            for path in files_in(folder):
                seen.append("file")
                found.append(str(path)) if secret in text_of(path) else None

    watcher = Thread(target=look)
    watcher.start()
    try:
        yield lambda: sorted({*found, *seen})
    finally:
        over.set()
        watcher.join()


def addresses(zone: str) -> list[Change]:
    """Enough of them for a run that takes a while."""
    return [change("create", f"h{number}", "A", "192.0.2.1", zone=zone) for number in range(1_000)]


def files_in(folder: Path) -> list[Path]:
    """What is there, as far as it does not go while one looks."""
    return [Path(place, name) for place, _, names in os.walk(folder) for name in names]


def text_of(path: Path) -> str:
    try:
        return path.read_text(errors="replace") if path.is_file() else ""
    except OSError:  # it has gone meanwhile
        return ""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs keep their files."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_the_tsig_secret(infrastructure: Stack, new_zone: str, dns_inventory: Path, folder: Path) -> None:
    (secret,) = re.findall(r'secret "(\S+)"', infrastructure.key_file().read_text())
    with somebody_looks_for(secret, folder) as seen:
        ended = execute(dns_inventory, *addresses(new_zone))
    assert set(ended.outcomes) == {("applied", None)}
    assert seen() == ["file", "run"]
    assert secret not in ended.everything


def test_the_api_key(more_name_servers: Stack, zone_on: ZoneOn, folder: Path) -> None:
    zone = zone_on("api")
    assert isinstance(zone, ApiZoneUnderTest)
    with somebody_looks_for(zone.api_key, folder) as seen:
        hosts = Path(more_name_servers.env["INVENTORY"])
        ended = execute(hosts, *addresses(zone.name), backend="powerdns")
    assert set(ended.outcomes) == {("applied", None)}
    assert seen() == ["file", "run"]
    assert zone.api_key not in ended.everything
