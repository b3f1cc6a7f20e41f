"""Values of each type: how they may be written, and what is refused."""

from tests.unit.domain.rdata.tables import (
    addresses,
    apl,
    caa,
    csync,
    dnssec,
    hosts,
    keys,
    loc,
    locators,
    naptr,
    numbered,
    svcb,
    targets,
    text,
    types,
    uri,
)

TABLES = (
    addresses,
    apl,
    caa,
    csync,
    dnssec,
    hosts,
    keys,
    loc,
    locators,
    naptr,
    numbered,
    svcb,
    targets,
    text,
    types,
    uri,
)
