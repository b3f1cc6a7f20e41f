"""The Ansible inventory that names the stack's DNS servers."""

import json
from pathlib import Path

BACKEND = "bind"

_HOST = """\
dns:
  hosts:
    {backend}:
      ansible_connection: local
      ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"
      dns_server: {server}
      dns_port: {port}
"""
_GROUP = """\
  children:
    {group}:
      hosts:
        {backend}:
"""
_VERIFY = """\
      dns_verify_servers:
        - address: {server}
          port: {port}
"""


def write_inventory(folder: Path, server: str, port: int, key_file: Path) -> None:
    """Write `hosts.yml`, which names the default backend and the server to verify its zones on."""
    variables = {"dns_tsig_key_file": str(key_file.absolute())}
    _write(folder / "hosts.yml", BACKEND, server, port, variables)


def write_backend(
    folder: Path, backend: str, server: str, port: int, *, group: str = "", **variables: str
) -> None:
    """Write another backend into a file of its own. Ansible reads all files of the folder as one."""
    path = folder / f"{backend}.yml"
    _write(path, backend, server, port, variables)
    if group:
        path.write_text(path.read_text() + _GROUP.format(group=group, backend=backend))


def _write(path: Path, backend: str, server: str, port: int, variables: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    quoted = json.dumps(server)
    more = "".join(f"      {name}: {json.dumps(value)}\n" for name, value in variables.items())
    text = _HOST.format(backend=backend, server=quoted, port=port) + more
    path.write_text(text + _VERIFY.format(server=quoted, port=port))
