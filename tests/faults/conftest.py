"""A whole stack, with the app's processes, which these tests may kill, stop and restart."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.embedded import Stack
from tests.support.eventually import eventually
from tests.support.kerberos import library_variables
from tests.support.user import User

SETTINGS = {
    "LOG_FORMAT": "json",
    "LEASE": "3",
    "WATCH_INTERVAL": "1",
    "STOP_TIMEOUT": "2",
    "PLAYBOOK": str(Path(__file__).parent / "playbook" / "slow.yml"),
}
SHORT_PAUSES = {"RETRY_PAUSE": "0.2", "RETRY_PAUSE_MAX": "1"}  # not for outages as long as real ones


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Every part and every process, with short pauses, and a playbook that takes one second more."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "tmp").mkdir()
    settings = {**SETTINGS, **({} if "OUTAGE" in os.environ else SHORT_PAUSES), "TMPDIR": str(folder / "tmp")}
    settings["KRB5_CONFIG"] = str(folder / "krb5.conf")  # which the tests with a KDC write
    settings |= library_variables()
    with Stack(folder, app=True, settings=settings) as running:
        yield running


@pytest.fixture
def user(stack: Stack) -> Iterator[User]:
    """A user of the stack."""
    user = User(stack.env)
    yield user
    user.api.close()


@pytest.fixture
def zone(stack: Stack, user: User) -> str:
    """The name of a new zone that the stack serves."""
    name = f"t-{secrets.token_hex(4)}.test"
    stack.add_zone(name)
    user.serve(name)
    return name


@pytest.fixture
def other_zone(stack: Stack, user: User) -> str:
    """The name of another one."""
    name = f"t-{secrets.token_hex(4)}.test"
    stack.add_zone(name)
    user.serve(name)
    return name


@pytest.fixture
def honoured(stack: Stack, user: User) -> Iterator[None]:
    """The inventory says that the slow playbook, which is not the shipped one, honours conditions."""
    host_vars = Path(stack.env["INVENTORY"]) / "host_vars"
    host_vars.mkdir()
    (host_vars / "bind.yml").write_text("dns_honours: [expect]\n")
    eventually(lambda: user.backends()[0]["honours"] == ["expect"])
    yield
    shutil.rmtree(host_vars)
