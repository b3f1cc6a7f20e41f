"""Knot and PowerDNS as the stack's further DNS servers."""

import stat
from pathlib import Path

import pytest

from stack.embedded import Stack
from stack.errors import StackError
from tests.support.zones import APPLIED, ZoneUnderTest

SERVERS = ["knot", "powerdns"]


@pytest.mark.parametrize("server", SERVERS)
def test_zones_and_records_outlive_a_kill(tmp_path: Path, server: str) -> None:
    with Stack(tmp_path, parts=[server]) as stack:
        stack.add_zone("new.test", server)
        zone = ZoneUnderTest(stack, "new.test", server)
        assert zone.do("create", "www", "A", "192.0.2.1") == APPLIED
        stack.kill(server)
        stack.start(server)
        assert zone.values("www", "A") == {"192.0.2.1"}
        assert zone.do("create", "www", "A", "192.0.2.2") == APPLIED
        with pytest.raises(StackError, match=r"zone new\.test"):
            stack.add_zone("new.test", server)


def test_what_holds_keys_is_for_its_owner_alone(more_name_servers: Stack) -> None:
    files = [more_name_servers.data("knot") / "knot.conf", more_name_servers.data("powerdns") / "pdns.conf"]
    files += [path for server in SERVERS for path in more_name_servers.data(server).glob("*.key")]
    files += more_name_servers.data("powerdns").glob("zones.sqlite*")
    assert len(files) > 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_both_are_backends_in_one_inventory(more_name_servers: Stack) -> None:
    from ansible.inventory.manager import InventoryManager  # which most of pytest's processes need not load
    from ansible.parsing.dataloader import DataLoader

    inventory = InventoryManager(DataLoader(), sources=[more_name_servers.env["INVENTORY"]])
    hosts = {host.name: host.get_vars() for host in inventory.get_hosts("dns")}
    assert hosts.keys() == set(SERVERS)
    assert [host.name for host in inventory.get_hosts("dns_powerdns")] == ["powerdns"]
    assert hosts["powerdns"]["dns_api_url"] == more_name_servers.env["POWERDNS_API_URL"]
    for name, variables in hosts.items():
        address = f"{variables['dns_server']}:{variables['dns_port']}"
        assert address == more_name_servers.env[f"{name.upper()}_SERVER"]
        assert Path(variables["dns_tsig_key_file"]).is_file()
