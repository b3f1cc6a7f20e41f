"""A database for the tests of a module: those that alter it have one of their own."""

import pytest


@pytest.fixture
def new_database(emptied_database: str) -> str:
    return emptied_database
