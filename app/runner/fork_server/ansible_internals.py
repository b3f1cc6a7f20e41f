"""The internals of Ansible that it takes to run a playbook in a fork as if in a process of its own.

Ansible does not promise to keep any of this. `check` names what a release has changed; then the fork server
does not start, and each run starts Ansible itself.
"""

import atexit
import gc
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
from ansible.inventory import manager
from ansible.module_utils._internal import _deprecator
from ansible.parsing.vault import VaultSecretsContext
from ansible.plugins import loader as plugins
from ansible.release import __version__ as version
from ansible.utils import display as displays
from ansible.utils import vars as utils_vars
from ansible.utils.collection_loader import AnsibleCollectionConfig, _collection_finder
from ansible.utils.context_objects import GlobalCLIArgs
from ansible.vars import clean

FAILED = 250  # Ansible's exit status for an unexpected error
# Objects that a run makes until the collector looks at the young ones, then at all: a run that is over in a
# moment needs none of it; a long one collects as often as its memory grows.
_GC_THRESHOLDS = (100_000, 50, 100)
_MODULE_OPTION = ("-m", "ansible")  # stands behind the interpreter in a command line

_PARAMETERS: dict[Callable[..., Any], str] = {
    plugins.PluginLoader._load_module_source: "self python_module_name path",
    plugins.PluginLoader._load_config_defs: "self name module path",
    plugins.PluginLoader._get_package_paths: "self subdirs",
    plugins.PluginLoadContext.resolve_legacy: "self name pull_cache",
    plugins.PluginPathContext: "path internal",
    _deprecator._path_as_plugininfo: "path",
    clean.clean_facts: "facts",
    manager.split_host_pattern: "pattern",
    _collection_finder._meta_yml_to_dict: "yaml_string_data content_id",
    _collection_finder._AnsibleCollectionFinder: "paths scan_sys_paths",
    _collection_finder._AnsibleCollectionFinder._install: "self",
    _collection_finder._AnsibleCollectionFinder._remove: "",
    displays._synchronize_textiowrapper: "tio lock",
    constants.config.get_config_value: "config cfile plugin_type plugin_name keys variables direct",
    constants.set_constant: "name value export",
}


class InternalsChanged(Exception):
    """Ansible's internals are not those that this module knows; the text names the differences."""


def check() -> None:
    """Compare Ansible with what is used of it, and look for traces of a run. Raises InternalsChanged."""
    problems = [*_differences(), *_traces_of_a_run()]
    if problems:
        raise InternalsChanged(f"ansible-core {version}: {'; '.join(problems)}")


def plugin_loaders() -> list[Any]:
    """Return the loaders of all types of plugins."""
    return [loader for loader in vars(plugins).values() if isinstance(loader, plugins.PluginLoader)]


def arguments(argv: Sequence[str]) -> list[str]:
    """Return what `sys.argv` is in a process started as `python -m ansible playbook …`."""
    return [str(ansible.__main__.__file__), *argv[1 + len(_MODULE_OPTION) :]]


def playbook(argv: Sequence[str]) -> int:
    """Run `python -m ansible playbook …` in this process, a fork made for it; return its exit status."""
    atexit._clear()  # a fork must not do what the server would do at its end
    _renew_process_state()
    gc.set_threshold(*_GC_THRESHOLDS)
    status = FAILED
    try:
        PlaybookCLI.cli_executor(arguments(argv)[1:])
    except SystemExit as end:
        status = _exit_status(end.code)
    _finish_process()
    return status


def _exit_status(code: object) -> int:
    """Return the exit status that the interpreter makes of the argument of sys.exit."""
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)  # noqa: T201
    return 1


def _renew_process_state() -> None:
    """Make again what Ansible makes once for each process."""
    importlib.invalidate_caches()
    for handler in logging.root.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.close()  # the file may have been moved; the next record opens it again
    folder = constants.config.get_config_value("DEFAULT_LOCAL_TMP")  # each call makes a new folder
    constants.set_constant("DEFAULT_LOCAL_TMP", folder)
    utils_vars.random_int = f"{secrets.randbelow(2**32):08x}"  # part of the ids of plays and tasks
    lock = displays.Display()._lock
    for stream in (sys.stdout, sys.stderr):
        displays._synchronize_textiowrapper(stream, lock)  # a fork loses it


def _finish_process() -> None:
    """Do what the interpreter does at its end, as far as others can see it."""
    threading._shutdown()  # type: ignore[attr-defined]
    multiprocessing.util._exit_function()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _differences() -> Iterator[str]:
    for function, expected in _PARAMETERS.items():
        found = " ".join(inspect.signature(function).parameters)
        if found != expected:
            yield f"{function.__qualname__} takes ({found})"
    if not isinstance(utils_vars.random_int, str):
        yield "utils.vars.random_int is not a string"
    if not isinstance(constants.config._plugins, dict):
        yield "config._plugins is not a dict"


def _traces_of_a_run() -> Iterator[str]:
    """Yield what a run in this process has left behind; the server's forks would all inherit it."""
    if GlobalCLIArgs._Singleton__instance is not None or context.CLIARGS:
        yield "arguments of a command line have been parsed"
    if VaultSecretsContext._current is not None:
        yield "vault secrets have been read"
    if AnsibleCollectionConfig.collection_finder is not None or "ansible_collections" in sys.modules:
        yield "collections have been searched for"
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
