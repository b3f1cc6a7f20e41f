"""A run in a fork is like any other: Ansible and its plugins find the same, say the same, do the same."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.runner.process.fork_pool import ForkPool
from app.runner.process.supervisor import Exit
from tests.support.command_lines import ansible, play
from tests.support.thoroughly import thoroughly

PLUGIN = """
import gc, json, locale, logging, multiprocessing, os, resource, signal, sys, tempfile, warnings
from ansible import constants, context
from ansible.plugins.callback import CallbackBase
from ansible.utils.display import Display

DOCUMENTATION = "name: surroundings\\ntype: aggregate\\nshort_description: x\\ndescription: x"
STATUS = ("Name", "Umask", "Uid", "Groups", "SigBlk", "SigIgn", "SigCgt", "CapEff", "NoNewPrivs")

def in_order(value):
    return sorted(map(str, value)) if isinstance(value, (set, frozenset)) else str(value)

class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "aggregate", "surroundings"

    def v2_playbook_on_stats(self, stats):
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        streams = [sys.stdin, sys.stdout, sys.stderr]
        found = {
            "argv": [sys.argv, sys.orig_argv],
            "path": [sys.path, sys.flags, [getattr(hook, "__qualname__", "") for hook in sys.path_hooks]],
            "environment": dict(os.environ),
            "folders": [os.getcwd(), tempfile.gettempdir(), constants.DEFAULT_LOCAL_TMP],
            "signals": {number.name: str(signal.getsignal(number)) for number in signal.Signals},
            "limits": [resource.getrlimit(number) for number in range(16)],
            "descriptors": {number: os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)},
            "number of descriptors": len(os.listdir("/proc/self/fd")),
            "streams": [[s.name, s.mode, s.encoding, s.errors, s.line_buffering] for s in streams],
            "processes": [multiprocessing.current_process().name, multiprocessing.parent_process()],
            "locale": locale.setlocale(locale.LC_ALL),
            "collector": gc.isenabled(),  # in a fork it collects less often, on purpose
            "warnings": warnings.filters,
            "logging": logging.root.handlers,
            "status": {name: status[name] for name in STATUS},
            "leads": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()],
            "title": open("/proc/self/cmdline").read().rstrip("\\0").split("\\0"),
            "constants": {name: value for name, value in vars(constants).items() if name.isupper()},
            "options": dict(context.CLIARGS),
            "display": {name: value for name, value in vars(Display()).items() if name != "_lock"},
        }
        with open("surroundings.json", "w") as file:
            json.dump(found, file, default=in_order)
"""
VARYING = re.compile(r"/tmp/dns-run-\w+|ansible-local-\w+|pipe:\[\d+\]| at 0x\w+")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an ordinary project."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "ansible.cfg").write_text(
        "[defaults]\ncallback_plugins = plugins\nforks = 7\nno_such_thing = 1\n[diff]\nalways = true\n"
    )
    (folder / "group_vars").mkdir()
    (folder / "group_vars" / "all.yml").write_text("one: \"{{ inventory_hostname == 'one' }}\"\n")
    play(
        folder,
        "{debug: {msg: 'hello {{ inventory_hostname }}'}, tags: greet}",
        "{lineinfile: {path: '{{ playbook_dir }}/file', line: text, create: true}, when: one, tags: change}",
        "{command: /bin/false, ignore_errors: true, when: not one, tags: fail}",
        "{debug: {msg: '{{ secret }}'}, tags: [never, vault]}",
        "{fail: {msg: enough}, tags: [never, end]}",
        "{debug: {msg: '{{ nowhere }}'}, tags: [never, undefined]}",
    )
    return folder


def encrypt(folder: Path) -> None:
    """Make vault.yml, unless it is there, and the file with its password."""
    if (folder / "vault.yml").exists():
        return
    (folder / "password").write_text("open sesame\n")
    words = [sys.executable, "-m", "ansible", "vault", "encrypt", "--vault-password-file", "password"]
    (folder / "vault.yml").write_text("secret: forty thieves\n")
    subprocess.run([*words, "vault.yml"], cwd=folder, check=True, capture_output=True)


def surroundings(pool: ForkPool | None, folder: Path) -> dict[str, Any]:
    ended = ansible(pool, folder, "site.yml", "--tags", "greet")
    assert (folder / "surroundings.json").exists(), ended.output
    text = VARYING.sub("…", (folder / "surroundings.json").read_text())
    found: dict[str, Any] = json.loads(text)
    del found["environment"]["DNS_EVENTS_FD"]
    return found


@pytest.mark.thorough
def test_a_plugin_finds_the_same_around_it(site: Path, fork_pool: ForkPool) -> None:
    (site / "plugins").mkdir()
    (site / "plugins" / "surroundings.py").write_text(PLUGIN)
    cold, warm, again = (surroundings(pool, site) for pool in (None, fork_pool, fork_pool))
    shutil.rmtree(site / "plugins")
    assert cold["constants"]["DEFAULT_FORKS"] == 7
    for name, value in cold.items():
        assert (name, warm[name]) == (name, value)
    assert again == warm


@pytest.mark.parametrize(
    "arguments",
    [
        "site.yml",
        thoroughly("site.yml --limit two --tags greet,fail"),
        thoroughly("site.yml --skip-tags fail --check"),
        thoroughly("site.yml --tags end -v"),
        thoroughly("site.yml --tags undefined"),
        thoroughly("site.yml --tags vault -e @vault.yml --vault-password-file password"),
        thoroughly("site.yml --tags vault -e @vault.yml"),
        thoroughly("site.yml --limit nobody"),
        thoroughly("site.yml --list-tasks"),
        thoroughly("site.yml --syntax-check"),
        thoroughly("missing.yml"),
        thoroughly("--no-such-option"),
    ],
)
def test_every_way_to_call_it(site: Path, fork_pool: ForkPool, arguments: str) -> None:
    if "vault.yml" in arguments:
        encrypt(site)
    (cold, cold_lines), (warm, lines) = (call(pool, site, *arguments.split()) for pool in (None, fork_pool))
    assert (warm.rc, warm.why) == (cold.rc, cold.why)
    assert sorted(plain(warm.output)) == sorted(plain(cold.output))
    assert sorted(lines) == sorted(cold_lines)
    assert not fork_pool.start_backoff.path.exists()


def call(pool: ForkPool | None, folder: Path, *arguments: str) -> tuple[Exit, list[bytes]]:
    (folder / "file").unlink(missing_ok=True)
    lines: list[bytes] = []
    return ansible(pool, folder, *arguments, on_line=lines.append), lines


def plain(output: str) -> list[str]:
    """The lines without what differs from run to run; two hosts may come in either order."""
    return re.sub(r"ansible-local-\w+|ansible-tmp-[\w.-]+|\d+:\d\d:\d\d\.\d+", "…", output).splitlines()
