"""How the processes beside the app are started."""

from importlib.util import find_spec
from pathlib import Path

from app.runner.process.fork_pool import ForkPool
from tests.support.command_lines import ansible
from tests.support.processes import servers_of

# At every import of a fork server's own module: where would Ansible be found now?
LOOK = """
import sys
from importlib.machinery import PathFinder
def look(event, arguments):
    if event == "import" and arguments[0].startswith("fork_server") and "server" in sys.orig_argv:
        spec = PathFinder.find_spec("ansible")
        with open({found!r}, "a") as file:
            print(arguments[0], spec and spec.origin, file=file)
sys.addaudithook(look)
"""


def test_a_server_never_finds_the_apps_package_as_ansible(pool: ForkPool, site: Path, tmp_path: Path) -> None:
    """Beside the package of the fork server lies one that is named `ansible`, too."""
    found = tmp_path / "found"
    (site / "sitecustomize.py").write_text(LOOK.format(found=str(found)))
    assert ansible(pool, site, "site.yml", environment={"PYTHONPATH": str(site)}).rc == 0
    assert len(servers_of(site)) == 1
    lines = [line.split() for line in found.read_text().splitlines()]
    assert {"fork_server.listener", "fork_server.preload"} <= {name for name, _ in lines}
    installed = find_spec("ansible")
    assert installed is not None
    assert {origin for _, origin in lines} == {installed.origin}
