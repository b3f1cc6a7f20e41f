"""What gives runs a fork server of their own."""

import os
from pathlib import Path

import pytest

from app.runner.process.fingerprint import fingerprint


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir(mode=0o755)
    return tmp_path / "site"


def of(site: Path, **environment: str) -> str:
    return fingerprint(environment, site)


def test_what_each_run_has_of_its_own_does_not_count(site: Path, home: Path) -> None:
    assert of(site, TMPDIR="/a", ANSIBLE_LOCAL_TEMP="/a", A="1") == of(site, A="1", TMPDIR="/b")


def test_everything_else_that_ansible_reads_once_counts(site: Path, home: Path, tmp_path: Path) -> None:
    found = [of(site), of(tmp_path), of(site, ANSIBLE_FORKS="7"), of(site, ANSIBLE_FORKS="8")]
    (home / ".ansible.cfg").write_text("[defaults]\n")
    found.append(of(site))
    (site / "ansible.cfg").write_text("[defaults]\n")
    found.append(of(site))
    (site / "ansible.cfg").write_text("[defaults]\nforks = 7\n")
    found.append(of(site))
    other = tmp_path / "other.cfg"
    found.append(of(site, ANSIBLE_CONFIG=str(other)))
    other.write_text("")
    found.append(of(site, ANSIBLE_CONFIG=str(other)))
    site.chmod(0o777)
    found.append(of(site))
    umask = os.umask(0o027)
    found.append(of(site))
    os.umask(umask)
    assert len(set(found)) == len(found)


def test_other_files_do_not_count(site: Path, home: Path) -> None:
    (site / "file").write_text("")
    before = of(site)
    (site / "file").write_text("more")
    assert of(site) == before
