"""The database of the API's tests: one for each module, emptied before each test."""

import pytest


@pytest.fixture
def app_database(emptied_database: str) -> str:
    return emptied_database
