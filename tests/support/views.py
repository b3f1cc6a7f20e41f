"""BIND with two views that are chosen by key, each with zones of the same names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.domain.server import Server
from stack.nameserver import create_key, empty_zone
from stack.ports import HOST, Ports
from tests.support.own_bind import running_bind

ZONE = "split.test"
CHILD = f"child.{ZONE}"
REVERSE = "2.0.192.in-addr.arpa"
VIEWS = {"inside": "192.0.2.1", "outside": "192.0.2.2"}  # the address of www in each

_OPTIONS = """\
options {{
    directory "{home}"; listen-on port {port} {{ {host}; }}; listen-on-v6 {{ none; }};
    pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no;
}};
"""
_VIEW = """\
view "{view}" {{
    match-clients {{ key "{view}"; }};
{zones}}};
"""
_ZONE = """\
    zone "{zone}" {{
        type primary; file "{view}.{zone}";
        allow-query {{ key "{view}"; }}; allow-update {{ key "{view}"; }}; allow-transfer {{ key "{view}"; }};
    }};
"""


class Views:
    """Where the server is, and the key file of each view."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.server = Server(HOST, port)

    def key_file(self, view: str) -> Path:
        return self.home / f"{view}.key"

    def signed(self, view: str) -> Server:
        """The server, asked with the view's key."""
        return self.server._replace(key_file=self.key_file(view))


@contextmanager
def bind_with_views(home: Path, ports: Ports | None = None) -> Iterator[Views]:
    """Run BIND in this folder for the block, on these ports or on free ones."""
    ports = ports or Ports.free()
    views = Views(home, ports.dns)
    text = _OPTIONS.format(home=home, port=ports.dns, host=HOST)
    for view, address in VIEWS.items():
        create_key(views.key_file(view), view)
        for zone in (ZONE, CHILD, REVERSE):
            (home / f"{view}.{zone}").write_text(empty_zone(zone))
        with (home / f"{view}.{ZONE}").open("a") as file:
            file.write(f"www A {address}\n")
        zones = "".join(_ZONE.format(view=view, zone=zone) for zone in (ZONE, CHILD, REVERSE))
        text = f'include "{views.key_file(view)}";\n{text}{_VIEW.format(view=view, zones=zones)}'
    with running_bind(home, ports, text):
        yield views
