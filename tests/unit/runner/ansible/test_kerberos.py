"""Kerberos signs the updates of a primary, and what it is asked only where the inventory says so."""

from pathlib import Path

from app.domain.server import Kerberos, Server
from app.runner.ansible.kerberos import as_asked

KERBEROS = Kerberos("DNS/dc1.example.net", keytab=Path("/keys/a.keytab"))
PRIMARY = Server("dc1.example.net", 53, None, KERBEROS)
KEY = Path("/keys/transfer")


def test_questions_are_not_signed_unless_it_is_said() -> None:
    assert as_asked({}, PRIMARY, None) == Server("dc1.example.net", 53)
    assert as_asked({"dns_gss_questions": True}, PRIMARY, None) == PRIMARY


def test_a_key_comes_before_kerberos() -> None:
    assert as_asked({"dns_gss_questions": True}, PRIMARY, KEY) == Server("dc1.example.net", 53, KEY)
    assert as_asked({}, PRIMARY, KEY) == Server("dc1.example.net", 53, KEY)
