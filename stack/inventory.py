"""The Ansible inventory that names the stack's DNS server."""

import json
from pathlib import Path

BACKEND = "bind"

_HOSTS = """\
dns:
  hosts:
    {backend}:
      ansible_connection: local
      ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"
      dns_server: {server}
      dns_port: {port}
      dns_tsig_key_file: {key_file}
      dns_verify_servers:
        - address: {server}
          port: {port}
"""


def write_inventory(folder: Path, server: str, port: int, key_file: Path) -> None:
    """Write `hosts.yml`: one backend, and the server that its zones are verified on."""
    folder.mkdir(parents=True, exist_ok=True)
    text = _HOSTS.format(
        backend=BACKEND, server=json.dumps(server), port=port, key_file=json.dumps(str(key_file.absolute()))
    )
    (folder / "hosts.yml").write_text(text)
