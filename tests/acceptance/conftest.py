"""The whole system as it is shipped: every part, every process, the shipped playbook."""

import secrets
from collections.abc import Iterator

import pytest

from stack.embedded import Stack
from tests.support.user import User


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack for the acceptance tests, with short deadlines."""
    settings = {"LOG_FORMAT": "json", "VERIFY_DEADLINE": "3"}
    with Stack(tmp_path_factory.mktemp("acceptance"), app=True, settings=settings) as running:
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
