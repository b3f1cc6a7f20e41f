"""What changes between two runs is seen by the second; what the first one did is not."""

import json
import shutil
from pathlib import Path

import pytest

from app.core.config import ROOT
from app.runner.process.fork_pool import ForkPool
from tests.support.command_lines import ansible, play
from tests.support.eventually import eventually
from tests.support.processes import servers_of

COLLECTIONS = "collections/ansible_collections"
WORDS = f"{COLLECTIONS}/my/own/plugins/plugin_utils/words.py"
GREET = """
from ansible.plugins.action import ActionBase
from ansible_collections.my.own.plugins.plugin_utils.words import WORD
class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        return {"msg": WORD}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, fork_pool: ForkPool) -> Path:
    """A folder for which a server runs before the tests put anything into it."""
    folder = tmp_path_factory.mktemp("site")
    file(folder / WORDS, "WORD = 'before the server'\n")
    file(folder / COLLECTIONS / "my" / "own" / "plugins" / "action" / "greet.py", GREET)
    assert ansible(fork_pool, folder, play(folder, "debug: {msg: first}")).rc == 0
    assert len(servers_of(folder)) == 1
    return folder


def output(pool: ForkPool, folder: Path, *tasks: str, **environment: str) -> str:
    """The output of a run that has succeeded."""
    ended = ansible(pool, folder, play(folder, *tasks), "--limit", "one", environment=environment)
    assert ended.rc == 0, ended.output
    return ended.output


def file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


ACTION = """
from ansible.plugins.action import ActionBase
class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        return {{"msg": "{0}"}}
"""
MODULE = """
from ansible.module_utils.basic import AnsibleModule
AnsibleModule({{}}).exit_json(msg="{0}")
"""
HELLO = ("{hello: , register: got}", "{debug: {var: got.msg}}")


def test_a_module_of_the_project(site: Path, fork_pool: ForkPool) -> None:
    """Ansible keeps built modules by their name alone."""
    for text in ("one", "three"):
        file(site / "library" / "hello.py", MODULE.format(text))
        assert f'"got.msg": "{text}"' in output(fork_pool, site, *HELLO)


def test_a_collection_beside_the_playbook(site: Path, fork_pool: ForkPool) -> None:
    """What was compiled ahead is used for the same text only."""
    for text in ("before the server", "one", "three"):
        file(site / WORDS, f"WORD = '{text}'\n")
        shown = output(fork_pool, site, "{my.own.greet: , register: got}", "{debug: {var: got.msg}}")
        assert f'"got.msg": "{text}"' in shown


def test_a_collection_that_is_new(site: Path, fork_pool: ForkPool) -> None:
    file(site / COLLECTIONS / "my" / "new" / "plugins" / "action" / "greet.py", ACTION.format("new"))
    shown = output(fork_pool, site, "{my.new.greet: , register: got}", "{debug: {var: got.msg}}")
    assert '"got.msg": "new"' in shown


def test_the_collection_that_comes_with_the_app(tmp_path: Path, fork_pool: ForkPool) -> None:
    """Imported before any run: not when one of its files has changed."""
    shutil.copytree(ROOT / "playbooks" / "collections", tmp_path / "collections")
    plugins = tmp_path / "collections" / "ansible_collections" / "orchestrator" / "dns" / "plugins"
    options = "zone: x, changes_file: missing, results_file: x, server: x"
    playbook = play(tmp_path, f"orchestrator.dns.dynamic_update: {{{options}}}")
    before = ansible(fork_pool, tmp_path, playbook)
    assert before.rc == 2
    assert "No such file" in before.output
    utils = plugins / "plugin_utils" / "change.py"
    utils.write_text(utils.read_text() + "\ndef read_items(path):\n    raise ValueError('read anew')\n")
    assert "read anew" in ansible(fork_pool, tmp_path, playbook).output


def test_a_plugin_in_the_place_of_ansibles_own(site: Path, fork_pool: ForkPool) -> None:
    """Ansible's own is in memory already, with what it says of its options."""
    before = output(fork_pool, site, "{assert: {that: true}, register: got}", "{debug: {var: got.msg}}")
    assert "All assertions passed" in before
    file(site / "action_plugins" / "assert.py", ACTION.format("mine"))
    file(site / "lookup_plugins" / "env.py", LOOKUP)
    shown = output(
        fork_pool,
        site,
        "{assert: {that: true}, register: got}",
        "{debug: {msg: \"{{ got.msg }} {{ lookup('env', 'HOME', shout='loud') }}\"}}",
    )
    assert '"msg": "mine loud"' in shown
    (site / "action_plugins" / "assert.py").unlink()
    (site / "lookup_plugins" / "env.py").unlink()
    assert "All assertions passed" in output(
        fork_pool, site, "{assert: {that: true}, register: got}", "{debug: {var: got.msg}}"
    )


LOOKUP = """
from ansible.plugins.lookup import LookupBase
DOCUMENTATION = '''
name: env
short_description: x
description: x
options:
  shout: {description: x, type: str, default: quiet}
'''
class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        return [self.get_option("shout")]
"""


def test_a_filter_that_is_new(site: Path, fork_pool: ForkPool) -> None:
    file(
        site / "filter_plugins" / "mine.py",
        "class FilterModule:\n    def filters(self):\n        return {'twice': lambda text: text * 2}\n",
    )
    assert '"msg": "abab"' in output(fork_pool, site, "debug: {msg: \"{{ 'ab' | twice }}\"}")


def test_variables_and_inventory(site: Path, fork_pool: ForkPool) -> None:
    for text in ("one", "three"):
        file(site / "group_vars" / "all.yml", f"greeting: {text}\n")
        assert f'"greeting": "{text}"' in output(fork_pool, site, "debug: {var: greeting}")


def test_ansible_cfg(tmp_path: Path, fork_pool: ForkPool) -> None:
    """Read at the import only, so another one needs another server; the old one goes."""
    file(tmp_path / "mine" / "greet" / "tasks" / "main.yml", "- debug: {msg: from mine}\n")
    file(tmp_path / "ansible.cfg", "[defaults]\nroles_path = nowhere\n")
    playbook = play(tmp_path, "include_role: {name: greet}")
    assert ansible(fork_pool, tmp_path, playbook).rc == 2
    (first,) = servers_of(tmp_path)
    file(tmp_path / "ansible.cfg", "[defaults]\nroles_path = mine\n")
    assert "from mine" in ansible(fork_pool, tmp_path, playbook).output
    eventually(lambda: first not in servers_of(tmp_path))
    assert len(servers_of(tmp_path)) == 1
    tmp_path.chmod(0o777)
    ended = ansible(fork_pool, tmp_path, playbook)
    assert "[WARNING]: Ansible is being run in a world writable directory" in ended.output
    assert ended.rc == 2


def test_variables_of_the_environment(site: Path, fork_pool: ForkPool) -> None:
    yaml = output(fork_pool, site, "debug: {msg: hello}", ANSIBLE_CALLBACK_RESULT_FORMAT="yaml")
    assert "msg: hello" in yaml
    assert '"msg": "hello"' in output(fork_pool, site, "debug: {msg: hello}")
    shown = output(fork_pool, site, "debug: {msg: \"{{ lookup('env', 'MINE') }}\"}", MINE="mine")
    assert '"msg": "mine"' in shown


@pytest.mark.thorough
def test_a_log_file_that_is_moved(site: Path, fork_pool: ForkPool) -> None:
    log = site / "ansible.log"
    for text in ("before", "after"):
        output(fork_pool, site, f"debug: {{msg: {text}}}", ANSIBLE_LOG_PATH=str(log))
        assert text in log.read_text()
        log.rename(site / text)
    assert "after" not in (site / "before").read_text()


def test_nothing_is_left_of_a_run(site: Path, fork_pool: ForkPool) -> None:
    """Neither variables, nor facts, nor the warnings that were shown."""
    seen = "{debug: {msg: '{{ mine | default(0) }} {{ ansible_facts.mine | default(0) }}'}}"
    first = output(fork_pool, site, "{set_fact: {mine: 1, cacheable: true}}", seen)
    assert '"msg": "1 1"' in first
    second = output(fork_pool, site, seen)
    assert '"msg": "0 0"' in second
    warning = "[WARNING]: Could not match supplied host pattern, ignoring: nobody"
    name = play(site, "debug: {}", hosts="nobody")
    assert [warning in ansible(fork_pool, site, name).output for _ in range(2)] == [True, True]


IDS = """
import os
from ansible.plugins.callback import CallbackBase
DOCUMENTATION = "name: ids\\ntype: aggregate\\nshort_description: x\\ndescription: x"
class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "aggregate", "ids"
    def v2_playbook_on_task_start(self, task, is_conditional):
        os.write(int(os.environ["DNS_EVENTS_FD"]), f'["{task._uuid}"]\\n'.encode())
"""


def test_ids_of_tasks_are_unique(site: Path, fork_pool: ForkPool) -> None:
    file(site / "callback_plugins" / "ids.py", IDS)
    name = play(site, "debug: {}")
    lines: list[bytes] = []
    for _ in range(3):
        assert ansible(fork_pool, site, name, on_line=lines.append).rc == 0
    ids = [found[0] for found in map(json.loads, lines) if isinstance(found, list)]
    assert len(ids) == len(set(ids)) == 3
