"""What the fork server uses of Ansible's internals is there; if a release changes it, that is named."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.core.config import ROOT

# The package is made known as in a fork server: the folder above it is never in `sys.path`.
BEGINNING = f"""
import json, os, sys
from types import ModuleType
package = sys.modules["fork_server"] = ModuleType("fork_server")
package.__path__ = [{str(ROOT / "app" / "runner" / "fork_server")!r}]
from ansible import constants, context
from ansible.cli.playbook import PlaybookCLI
from ansible.parsing.vault import VaultSecretsContext
from ansible.plugins import loader as plugins
from ansible.utils import display as displays, vars as utils_vars
from ansible.utils.collection_loader import AnsibleCollectionConfig, _collection_finder
from ansible.utils.context_objects import GlobalCLIArgs
def answer(**found): print("ANSWER " + json.dumps(found, default=str), flush=True)
def check():
    from fork_server import ansible_internals
    try: ansible_internals.check()
    except ansible_internals.InternalsChanged as error: answer(changed=str(error))
    else: answer(changed=None)
"""


def in_a_server(program: str, folder: Path) -> dict[str, Any]:
    """Run a program that sees what a fork server sees; return all that it answers."""
    done = subprocess.run(
        [sys.executable, "-c", BEGINNING + program],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    assert lines, done.stdout + done.stderr
    return {name: value for line in lines for name, value in json.loads(line.removeprefix("ANSWER ")).items()}


CHANGES = {
    "plugins.PluginLoader._load_module_source = lambda self, name: None": "takes (self name)",
    "displays._synchronize_textiowrapper = lambda tio: None": "takes (tio)",
    "utils_vars.random_int = 7": "utils.vars.random_int is not a string",
    "PlaybookCLI(['x', 'play.yml']).parse()": "arguments of a command line have been parsed",
    "VaultSecretsContext.initialize(VaultSecretsContext([]))": "vault secrets have been read",
    "plugins.init_plugin_loader()": "collections have been searched for",
    "plugins.action_loader.find_plugin('copy')": "ansible.plugins.action has been searched",
    "import threading as t; t.Thread(target=t.Event().wait, daemon=True).start()": "a thread is running",
    "constants.config._plugins = []": "config._plugins is not a dict",
}


MISSING = """
there = plugins.PluginLoader._load_config_defs
del plugins.PluginLoader._load_config_defs
try: check()
except AttributeError as error: answer(missing=str(error))
plugins.PluginLoader._load_config_defs = there
"""


def test_what_is_missing_and_all_that_has_changed_is_named(tmp_path: Path) -> None:
    found = in_a_server("\n".join([MISSING, *CHANGES, "check()", "os._exit(0)"]), tmp_path)
    assert "_load_config_defs" in found["missing"]
    assert found["changed"].startswith("ansible-core 2.")
    assert [words for words in CHANGES.values() if words not in found["changed"]] == []


PRELOADED = """
from fork_server import ansible_internals
before = {name: repr(value) for name, value in vars(constants).items()}
display = displays.Display()
shown = [set(display._warns), set(display._deprecations), set(display._errors)]
from fork_server.preload import preload
preload(os.getcwd())
ansible_internals.check()
answer(
    modules=[name for name in sys.modules if name.startswith("ansible")],
    constants={name for name, value in vars(constants).items() if before.get(name) != repr(value)},
    cli=[GlobalCLIArgs._Singleton__instance, len(context.CLIARGS)],
    vault=VaultSecretsContext._current,
    finder=AnsibleCollectionConfig.collection_finder,
    shown=shown == [display._warns, display._deprecations, display._errors],
    options=sorted(constants.config._plugins),
    threads=len(os.listdir("/proc/self/task")),
    children=open(f"/proc/self/task/{os.getpid()}/children").read(),
    mine=[name for name in sys.modules if name.endswith("mine")],
)
"""


@pytest.mark.thorough
def test_nothing_but_ansibles_own_is_loaded(tmp_path: Path) -> None:
    """Plugins of the operator that lie where Ansible looks for them are not even read."""
    for kind in ("action", "callback", "connection", "filter", "inventory", "lookup", "vars"):
        (tmp_path / f"{kind}_plugins").mkdir()
        (tmp_path / f"{kind}_plugins" / "mine.py").write_text("raise SystemExit('read')")
    (tmp_path / "ansible.cfg").write_text(
        "[defaults]\ncallback_plugins = callback_plugins\nfilter_plugins = filter_plugins\n"
        "callbacks_enabled = mine\nvars_plugins = vars_plugins\nvars_plugins_enabled = mine\n"
        "vault_password_file = missing\n"
    )
    found = in_a_server(PRELOADED, tmp_path)
    assert found["constants"] == "set()"
    assert found["cli"] == [None, 0]
    assert (found["vault"], found["finder"], found["shown"]) == (None, None, True)
    assert (found["threads"], found["children"], found["mine"]) == (1, "", [])
    assert {"callback", "connection", "inventory", "shell", "vars"} < set(found["options"])
    assert {"ansible.plugins.action.debug", "ansible.plugins.callback.default"} < set(found["modules"])


LEFT_TO_LOAD = """
from fork_server import ansible_internals
from fork_server.preload import preload
preload(os.getcwd())
before = set(sys.modules)
reading, writing = os.pipe()
if os.fork() == 0:
    os.set_inheritable(writing, True)
    try: ansible_internals.playbook(["python", "-m", "ansible", "playbook", "-i", "hosts", "site.yml"])
    finally:
        os.write(writing, json.dumps(sorted(set(sys.modules) - before)).encode())
        os._exit(0)
os.close(writing)
with open(reading) as file: text = file.read()
answer(main=json.loads(text), workers=open("workers").read().split())
"""
ACTION = """
import sys
from ansible.plugins.action import ActionBase
class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        with open("workers", "w") as file:
            file.write(" ".join(sys.modules))
        return {}
"""


@pytest.mark.thorough
def test_a_run_finds_all_modules_loaded(tmp_path: Path) -> None:
    """But for a few that come with collections: what this finds belongs into preload.py."""
    (tmp_path / "hosts").write_text("one ansible_connection=local\n")
    (tmp_path / "action_plugins").mkdir()
    (tmp_path / "action_plugins" / "look.py").write_text(ACTION)
    (tmp_path / "site.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks:\n    - look:\n")
    found = in_a_server(LEFT_TO_LOAD, tmp_path)
    late = [name for name in found["main"] if not name.startswith(("ansible_collections", "ansible.plugins"))]
    assert late == []
    assert "ansible.executor.task_executor" in found["workers"]


COMPILED = """
from fork_server.preload import preload
preload(os.getcwd())
source, options = open(PATH, "rb").read(), dict(mode="exec", flags=0, dont_inherit=True)
compiled = [_collection_finder.compile(source=source, filename=PATH, **options) for _ in range(2)]
answer(same=compiled[0] is compiled[1], file=compiled[0].co_filename)
"""


@pytest.mark.thorough
def test_collections_beside_the_playbook_are_compiled_once(tmp_path: Path) -> None:
    path = tmp_path / "collections" / "ansible_collections" / "my" / "own" / "plugins" / "action" / "greet.py"
    path.parent.mkdir(parents=True)
    path.write_text("x = 1\n")
    found = in_a_server(f"PATH = {str(path)!r}\n{COMPILED}", tmp_path)
    assert found == {"same": True, "file": str(path)}


AHEAD = """
from fork_server import ansible_internals, collection
from fork_server.preload import preload
ansible_internals.check()
preload(os.getcwd())
ansible_internals.check()
left = [name for name in sys.modules if name.startswith("ansible_collections")]
name, path = "ansible_collections.orchestrator.dns.plugins.action.dynamic_update", ACTION
collection.use(name, "/somewhere/else/dynamic_update.py")
elsewhere = name in sys.modules
status = os.stat(OTHER)
os.utime(OTHER)
collection.use(name, path)
changed = name in sys.modules
os.utime(OTHER, ns=(status.st_atime_ns, status.st_mtime_ns))
collection.use(name, path)
used = [module.__file__ for name, module in sys.modules.items() if name.startswith("ansible_collections")]
answer(left=left, elsewhere=elsewhere, changed=changed, used=used)
"""


def test_the_shipped_collection_is_imported_ahead(tmp_path: Path) -> None:
    """Every file of it, and used only where a run comes to the same, unchanged files."""
    shutil.copytree(ROOT / "playbooks" / "collections", tmp_path / "collections")
    plugins = tmp_path / "collections" / "ansible_collections" / "orchestrator" / "dns" / "plugins"
    paths = f"ACTION, OTHER = {str(plugins / 'action' / 'dynamic_update.py')!r}, "
    paths += f"{str(plugins / 'plugin_utils' / 'rfc2136' / 'batch.py')!r}\n"
    found = in_a_server(paths + AHEAD, tmp_path)
    assert sorted(found.pop("used")) == sorted(map(str, plugins.rglob("*.py")))
    assert found == {"left": [], "elsewhere": False, "changed": False}
