"""Images built and run for real; where buildah is missing these tests are skipped, but not on CI."""

import os
from pathlib import Path

import pytest

from tests.support import images
from tests.support.images import Images


@pytest.fixture(scope="package")
def engine() -> Images:
    """Builds images and runs containers; `make test` has built the images beside the tests before these."""
    if reason := images.why_not():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with images.building():
        return Images()


@pytest.fixture
def hosts(tmp_path: Path) -> str:
    """A volume that lets containers find each other by name, as those of a Docker network do."""
    names = "postgres redis kafka app api worker consumer bind localhost"
    (tmp_path / "hosts").write_text(f"127.0.0.1 {names}\n")
    return f"{tmp_path / 'hosts'}:/etc/hosts:ro"
