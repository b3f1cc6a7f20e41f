"""Loads ahead what every run would load of Ansible: its modules, its plugins, and their documented options.

No playbook is run for that, and nothing of an operator's is loaded, so that no run finds traces of another.
The only collection that is loaded is the one that is shipped with the app.
"""

import builtins
import gc
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import ansible.config
from ansible import constants
from ansible._internal._templating._jinja_bits import AnsibleEnvironment
from ansible.cli.playbook import PlaybookCLI
from ansible.inventory import manager
from ansible.module_utils._internal import _deprecator
from ansible.plugins import callback
from ansible.plugins import loader as plugins
from ansible.utils import display as displays
from ansible.utils.collection_loader import _collection_finder
from ansible.vars import clean

from . import collection
from .ansible_internals import plugin_loaders

_PACKAGES = (
    "ansible.executor",
    "ansible.executor.process",
    "ansible.inventory",
    "ansible.parsing",
    "ansible.playbook",
    "ansible.playbook.role",
    "ansible.template",
    "ansible.vars",
    "dns.rdtypes.ANY",  # dnspython, for the role that is shipped
    "dns.rdtypes.IN",
)
_MODULES = (
    "ansible.modules",
    "ansible.cli.scripts",
    "dns.query",
    "dns.tsig",
    "dns.update",
    "multiprocessing.popen_fork",
    "multiprocessing.synchronize",
)
_COMPILE_OPTIONS = {"mode": "exec", "flags": 0, "dont_inherit": True}  # those that Ansible uses
_MAX_COMPILED = 500  # files
_RARE_TYPES = ("cliconf", "httpapi", "module_utils", "modules", "netconf", "terminal")  # of plugins
_NO_PLUGINS = ("__init__", "base")  # files that hold no plugin

_preloaded: dict[str, str] = {}  # the file of each plugin's module, by the module's name


def preload(playbooks: str) -> None:
    """Load it all, for runs in the folder `playbooks`."""
    display = displays.Display()
    shown = (set(display._warns), set(display._deprecations), set(display._errors))
    _cache_routing()
    _cache_compiled(Path(playbooks) / "collections")
    collection.import_ahead(playbooks)
    for name in _modules():
        importlib.import_module(name)
    for loader in plugin_loaders():
        if loader.class_name and loader.type not in _RARE_TYPES:
            _preload_plugins(loader)
    _compile_patterns()
    for loader in plugin_loaders():
        _forget_searches(loader)
    _prefer_plugins_of_operators()
    display._warns, display._deprecations, display._errors = shown
    gc.collect()
    gc.freeze()  # so that a fork's garbage collector does not write to, and so copy, what is loaded here


def _modules() -> Iterator[str]:
    yield from _MODULES
    for package in _PACKAGES:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            yield module.name


def _cache_routing() -> None:
    """Have the long list of modules that have moved parsed once; Ansible lets this function be replaced."""
    read = cache(_collection_finder._meta_yml_to_dict)
    _collection_finder._meta_yml_to_dict = read
    path = Path(str(ansible.config.__file__)).with_name("ansible_builtin_runtime.yml")
    read(path.read_bytes(), ("ansible.builtin", "runtime.yml"))


def _cache_compiled(collections: Path) -> None:
    """Compile the collections beside the playbook, which Ansible would compile in each run.

    Ansible's loader calls `compile` by its global name, so a global of that name in its module takes the
    place of the builtin. A run that comes to the very same source text gets the code compiled here; any
    other text is compiled as usual. Nothing is executed here.
    """
    compiled: dict[tuple[bytes, str], Any] = {}

    def compile_once(source: bytes, filename: str, **options: Any) -> Any:
        return compiled.get((source, filename)) or builtins.compile(source, filename, **options)

    for path in islice(collections.glob("ansible_collections/*/*/plugins/**/*.py"), _MAX_COMPILED):
        with suppress(OSError, SyntaxError, ValueError):
            source = path.read_bytes()
            compiled[source, str(path)] = compile_once(source, str(path), **_COMPILE_OPTIONS)
    _collection_finder.compile = compile_once


def _compile_patterns() -> None:
    """Do on nothing what every run does with regular expressions; the module re keeps them."""
    cli = PlaybookCLI(["playbook"])
    cli.init_parser()
    cli.parser.parse_args(
        ["--inventory", "hosts.yml", "--limit", "host", "--extra-vars", "{}", "playbook.yml"]
    )
    clean.clean_facts({"ansible_host": ""})
    manager.split_host_pattern("group:!group")
    for path in (callback.__file__, "/ansible_collections/orchestrator/dns/plugins/action/dynamic_update.py"):
        _deprecator._path_as_plugininfo(str(path))
    _ = AnsibleEnvironment().lexer


def _preload_plugins(loader: Any) -> None:
    for folder in loader._get_package_paths():
        for path in sorted(Path(folder).glob("*.py")):
            if path.stem not in _NO_PLUGINS:
                _preload_plugin(loader, path.stem, str(path))


def _preload_plugin(loader: Any, name: str, path: str) -> None:
    """Import a plugin and parse its documentation, under the names that a search would give it."""
    context = plugins.PluginLoadContext(loader.type, loader.package)
    context.resolve_legacy(name, {name: plugins.PluginPathContext(path, True)})
    module_name = context._python_module_name
    module = loader._load_module_source(python_module_name=module_name, path=path)
    loader._load_config_defs(name, module, path)
    _preloaded[module_name] = path


def _forget_searches(loader: Any) -> None:
    """Let each run search the folders anew: an operator may have added plugins."""
    for found in (loader._module_cache, loader._plugin_path_cache, loader._searched_paths):
        found.clear()
    loader._paths = None


def _prefer_plugins_of_operators() -> None:
    """Let an operator's plugin be loaded in place of Ansible's plugin of the same name.

    Ansible takes a module that is in `sys.modules` without looking at its file. This puts a function in
    front of its loader: if the run's search has led to another file than the preloaded one, the preloaded
    module and its options are dropped first.
    """
    load = plugins.PluginLoader._load_module_source

    def load_from_path(self: Any, *, python_module_name: str, path: str) -> Any:
        collection.use(python_module_name, path)
        if _preloaded.pop(python_module_name, path) != path:
            del sys.modules[python_module_name]
            kind = plugins.get_plugin_class(self.class_name)
            constants.config._plugins.get(kind, {}).pop(Path(path).stem, None)
        return load(self, python_module_name=python_module_name, path=path)

    plugins.PluginLoader._load_module_source = load_from_path
