"""The app's database without its tables: these tests are about who makes them."""

import pytest


@pytest.fixture
def app_database(new_database: str) -> str:
    return new_database
