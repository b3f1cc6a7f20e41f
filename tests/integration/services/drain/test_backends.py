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
    none_of_ours: {{ansible_host: 192.0.2.7}}
"""


def test_each_backend_that_can_not_be_used_is_named(tmp_path: Path) -> None:
    create_key(tmp_path / "key")
    hosts = tmp_path / "hosts.yml"
    hosts.write_text(INVENTORY.format(key=tmp_path / "key"))
    faults = InventoryBackends(hosts).faults()
    assert set(faults) == {"keyless", "quoted", "nowhere", "ported", "listed"}
    assert "/nowhere/key" in faults["keyless"]
    assert "dns_max_runs" in faults["quoted"]
