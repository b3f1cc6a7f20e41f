"""A zone on PowerDNS, changed over its API."""

import pytest

from tests.integration.conftest import ZoneOn
from tests.support.zones import ApiZoneUnderTest


@pytest.fixture
def zone(zone_on: ZoneOn) -> ApiZoneUnderTest:
    made = zone_on("api")
    assert isinstance(made, ApiZoneUnderTest)
    return made
