"""Fork pools, and folders of playbooks for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.runner.process.fork_pool import ForkPool
from tests.support.command_lines import make_quick_and_slow


@contextmanager
def private_folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="fork-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder for sockets."""
    with private_folder() as folder:
        yield folder


@pytest.fixture
def pool(folder: Path) -> ForkPool:
    """A fork pool of this test alone."""
    return ForkPool(jobs=8, idle=60, folder=folder)


@pytest.fixture(scope="module")
def shared_pool() -> Iterator[ForkPool]:
    """A fork pool for tests that leave it as it is."""
    with private_folder() as folder:
        yield ForkPool(jobs=8, idle=300, folder=folder)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of this test alone, with the playbooks site.yml and slow.yml."""
    return make_quick_and_slow(tmp_path)


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of playbooks for the shared fork pool."""
    return make_quick_and_slow(tmp_path_factory.mktemp("shared"))
