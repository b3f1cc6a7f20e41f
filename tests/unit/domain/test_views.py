"""What is seen from a view: its own zones, and those that lie in none."""

import pytest

from app.domain.views import Several, Views

VIEWS = Views(["a.test", "a.test@x", "a.test@y", "b.test@x", "c.a.test", "d.a.test@y", "d.a.test@z"])


@pytest.mark.parametrize(
    ("name", "view", "zone"),
    [
        ("www.a.test", None, "a.test"),
        ("www.a.test", "x", "a.test@x"),
        ("www.a.test", "z", "a.test"),
        ("www.b.test", None, "b.test@x"),
        ("www.b.test", "x", "b.test@x"),
        ("www.b.test", "y", None),
        ("www.c.a.test", "x", "c.a.test"),
        ("www.d.a.test", "x", "a.test@x"),
        ("www.d.a.test", "y", "d.a.test@y"),
        ("www.d.a.test", None, Several("d.a.test", ["y", "z"])),
        ("www.e.test", None, None),
    ],
)
def test_the_zone_of_a_name(name: str, view: str | None, zone: str | Several | None) -> None:
    assert VIEWS.zone_of(name, view) == zone
    assert VIEWS.known_zone_of(name, view) == (zone if isinstance(zone, str) else None)
