"""What is wrong with an inventory is known when a worker starts, all of it."""

from pathlib import Path

from app.services.drain.backends import InventoryBackends
from stack.nameserver import create_key

INVENTORY = """
dns:
  hosts:
    good: {{dns_server: 192.0.2.1, dns_tsig_key_file: {key}}}
    trusted: {{dns_server: 192.0.2.2}}
    keyless: {{dns_server: 192.0.2.3, dns_tsig_key_file: /nowhere/key}}
    quoted: {{dns_server: 192.0.2.4, dns_max_runs: "3"}}
    nowhere: {{dns_max_runs: 1}}
    ported: {{dns_server: 192.0.2.5, dns_port: many}}
    listed: {{dns_server: 192.0.2.6, dns_verify_servers: 192.0.2.6}}
    nameless: {{dns_server: 192.0.2.8, dns_gss_keytab: {keytab}}}
    kerberos: {{dns_server: dc1.example.test, dns_gss_keytab: {keytab}}}
    unkeyed: {{dns_server: dc1.example.test, dns_gss_keytab: {key}}}
    both: {{dns_server: dc1.example.test, dns_gss_keytab: {keytab}, dns_tsig_key_file: {key}}}
    templated: {{dns_server: dc1.example.test, dns_gss_ccache: "{{{{ cache }}}}"}}
    none_of_ours: {{ansible_host: 192.0.2.7}}
"""


def test_each_backend_that_can_not_be_used_is_named(tmp_path: Path) -> None:
    create_key(tmp_path / "key")
    hosts = tmp_path / "hosts.yml"
    (tmp_path / "keytab").write_bytes(b"\x05\x02")
    hosts.write_text(INVENTORY.format(key=tmp_path / "key", keytab=tmp_path / "keytab"))
    faults = InventoryBackends(hosts).faults()
    of_kerberos = {"nameless", "unkeyed", "both", "templated"}
    assert set(faults) == {"keyless", "quoted", "nowhere", "ported", "listed"} | of_kerberos
    assert "dns_gss_server" in faults["nameless"]
    assert "is no keytab" in faults["unkeyed"]
    assert "set one" in faults["both"]
    assert "dns_gss_ccache is not a plain text" in faults["templated"]
    assert "/nowhere/key" in faults["keyless"]
    assert "dns_max_runs" in faults["quoted"]
