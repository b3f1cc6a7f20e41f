"""What is used of Ansible's insides to run a playbook in a fork as if it were a process of its own.

Ansible promises none of this. `check` says what has changed in a release; then nothing is forked, and each
run starts Ansible anew.
"""

import atexit
import importlib
import inspect
import logging
import multiprocessing.util
import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ansible.__main__
from ansible import constants, context
from ansible.cli.playbook import PlaybookCLI
from ansible.parsing.vault import VaultSecretsContext
from ansible.plugins import loader as plugins
from ansible.release import __version__ as version
from ansible.utils import display as displays
from ansible.utils import vars as utils_vars
from ansible.utils.collection_loader import AnsibleCollectionConfig, _collection_finder
from ansible.utils.context_objects import GlobalCLIArgs

FAILED = 250  # Ansible's exit status for what it did not expect
PYTHON_ANSIBLE = ("-m", "ansible")  # after the interpreter: how a command line calls Ansible

_PARAMETERS: dict[Callable[..., Any], str] = {
    plugins.PluginLoader._load_module_source: "self python_module_name path",
    plugins.PluginLoader._load_config_defs: "self name module path",
    plugins.PluginLoader._get_package_paths: "self subdirs",
    plugins.PluginLoadContext.resolve_legacy: "self name pull_cache",
    plugins.PluginPathContext: "path internal",
    _collection_finder._meta_yml_to_dict: "yaml_string_data content_id",
    _collection_finder._AnsibleCollectionFinder: "paths scan_sys_paths",
    _collection_finder._AnsibleCollectionFinder._install: "self",
    _collection_finder._AnsibleCollectionFinder._remove: "",
    displays._synchronize_textiowrapper: "tio lock",
    constants.config.get_config_value: "config cfile plugin_type plugin_name keys variables direct",
    constants.set_constant: "name value export",
}


class Changed(Exception):
    """Ansible's insides are not what they were; the text says which."""


def check() -> None:
    """See that everything is there that is used, and that nothing of a run has happened. Raises Changed."""
    problems = [*_changed(), *_touched()]
    if problems:
        raise Changed(f"ansible-core {version}: {'; '.join(problems)}")


def plugin_loaders() -> list[Any]:
    """Return the loaders of all types of plugins."""
    return [loader for loader in vars(plugins).values() if isinstance(loader, plugins.PluginLoader)]


def arguments(command: Sequence[str]) -> list[str]:
    """Return the sys.argv of a command line `python -m ansible playbook …`."""
    return [str(ansible.__main__.__file__), *command[1 + len(PYTHON_ANSIBLE) :]]


def playbook(command: Sequence[str]) -> int:
    """Run `python -m ansible playbook …` in this process, a fork just for that; return its exit status."""
    atexit._clear()  # what the server would do at its end is not for its forks to do
    _be_another_process()
    status = FAILED
    try:
        PlaybookCLI.cli_executor(arguments(command)[1:])
    except SystemExit as end:
        status = _status(end.code)
    _end()
    return status


def _status(code: object) -> int:
    """Return the exit status as the interpreter takes it from what sys.exit was called with."""
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)  # noqa: T201
    return 1


def _be_another_process() -> None:
    """Make anew what Ansible makes once for each process."""
    importlib.invalidate_caches()
    for handler in logging.root.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.close()  # the file may have been moved; the next line opens it again
    folder = constants.config.get_config_value("DEFAULT_LOCAL_TMP")  # each call makes one
    constants.set_constant("DEFAULT_LOCAL_TMP", folder)
    utils_vars.random_int = f"{secrets.randbelow(2**32):08x}"  # of the ids of plays and tasks
    lock = displays.Display()._lock
    for stream in (sys.stdout, sys.stderr):
        displays._synchronize_textiowrapper(stream, lock)  # which a fork undoes


def _end() -> None:
    """Do what the interpreter does at its end, as far as others see it."""
    threading._shutdown()  # type: ignore[attr-defined]
    multiprocessing.util._exit_function()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _changed() -> Iterator[str]:
    for function, expected in _PARAMETERS.items():
        found = " ".join(inspect.signature(function).parameters)
        if found != expected:
            yield f"{function.__qualname__} takes ({found})"
    if not isinstance(utils_vars.random_int, str):
        yield "utils.vars.random_int is no text"
    if not isinstance(constants.config._plugins, dict):
        yield "config._plugins is no dict"


def _touched() -> Iterator[str]:
    """Yield what a run has left; a server in which one has taken place would pass that on to its jobs."""
    if GlobalCLIArgs._Singleton__instance is not None or context.CLIARGS:
        yield "there are arguments of a command line"
    if VaultSecretsContext._current is not None:
        yield "there are vault secrets"
    if AnsibleCollectionConfig.collection_finder is not None or "ansible_collections" in sys.modules:
        yield "collections have been looked for"
    for loader in plugin_loaders():
        if (
            loader._paths
            or loader._searched_paths
            or loader._module_cache
            or any(loader._plugin_path_cache.values())
        ):
            yield f"{loader.package} has been searched"
    if threading.active_count() > 1:
        yield "a thread is running"
