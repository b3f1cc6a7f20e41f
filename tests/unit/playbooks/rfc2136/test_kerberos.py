"""What the variables of a host say of Kerberos."""

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.orchestrator.dns.plugins.action.dynamic_update import ActionModule
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import KeyFileError
from ansible_collections.orchestrator.dns.plugins.plugin_utils.options import Options
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.kerberos import Kerberos, read_kerberos

from app.core.config import ROOT

COLLECTION = ROOT / "playbooks/collections/ansible_collections/orchestrator/dns/plugins/plugin_utils"


@pytest.fixture
def keytab(tmp_path: Path) -> Path:
    (tmp_path / "a.keytab").write_bytes(b"\x05\x02")
    return tmp_path / "a.keytab"


def read(address: str, **variables: object) -> Kerberos | None:
    return read_kerberos(Options(ActionModule.variables, {}, variables, lambda value: value), address)


def test_without_a_keytab_or_a_cache_there_is_no_kerberos() -> None:
    assert read("dc1.example.test", dns_gss_server="DNS/dc1.example.test") is None


def test_the_server_s_principal_is_that_of_its_name(keytab: Path) -> None:
    found = read("dc1.example.test", dns_gss_keytab=str(keytab), dns_gss_principal="a@B")
    assert found is not None
    assert (found.service, found.principal, found.signs_questions) == ("DNS/dc1.example.test", "a@B", False)
    assert found.store["client_keytab"] == f"FILE:{keytab}"
    assert found.store["ccache"].startswith("MEMORY:")


def test_each_variable_counts(keytab: Path) -> None:
    given: dict[str, Any] = {
        "dns_gss_server": "DNS/a@B",
        "dns_gss_ccache": "FILE:c",
        "dns_gss_questions": True,
    }
    assert read("192.0.2.1", **given) == Kerberos("DNS/a@B", None, {"ccache": "FILE:c"}, signs_questions=True)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "dns_gss_server is not set"),
        ({"dns_tsig_key_file": "b"}, "set one"),
        ({"dns_gss_questions": "false"}, "dns_gss_questions is 'false'"),
    ],
)
def test_what_does_not_go_together(keytab: Path, variables: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read("192.0.2.1", dns_gss_keytab=str(keytab), **variables)


def test_what_is_no_keytab(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="can't be read: No such file"):
        read("dc1.example.test", dns_gss_keytab=str(tmp_path / "none"))
    (tmp_path / "a.key").write_text("key")
    with pytest.raises(KeyFileError, match="is no keytab"):
        read("dc1.example.test", dns_gss_keytab=str(tmp_path / "a.key"))


@pytest.mark.parametrize("name", ["gssapi.py", "tkey.py"])
def test_the_app_and_the_collection_have_the_same(name: str) -> None:
    ours, theirs = ROOT / "app" / "nameservers" / name, COLLECTION / "rfc2136" / name
    assert ours.read_text() == theirs.read_text(), f"copy {ours} to {theirs}, or the other way round"
