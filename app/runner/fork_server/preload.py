"""What runs load of Ansible's own, loaded before any run: modules, and what plugins say of their options.

Nothing of an operator's is loaded, and no playbook is run: nothing is left that a job could stumble over. The
one collection that is loaded is the one that comes with the app.
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
from ansible.plugins import loader as plugins
from ansible.utils import display as displays
from ansible.utils.collection_loader import _collection_finder

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
    "dns.rdtypes.ANY",  # for the role that is shipped
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
_COMPILING = {"mode": "exec", "flags": 0, "dont_inherit": True}  # as Ansible does it
_MAX_COMPILED = 500  # files
_OTHER_USES = ("cliconf", "httpapi", "module_utils", "modules", "netconf", "terminal")  # types that few need
_EMPTY = ("__init__", "base")  # files that hold no plugin

_preloaded: dict[str, str] = {}  # modules of plugins: their files


def preload(playbooks: str) -> None:
    """Load it all, for runs in this folder."""
    said = displays.Display()
    before = (set(said._warns), set(said._deprecations), set(said._errors))
    _keep_routing()
    _keep_compiled(Path(playbooks) / "collections")
    collection.import_ahead(playbooks)
    for name in _modules():
        importlib.import_module(name)
    for loader in plugin_loaders():
        if loader.class_name and loader.type not in _OTHER_USES:
            _preload_plugins(loader)
    for loader in plugin_loaders():
        _forget_searches(loader)
    _give_way()
    PlaybookCLI(["playbook"]).init_parser()  # compiles what it matches with
    _ = AnsibleEnvironment().lexer  # likewise
    said._warns, said._deprecations, said._errors = before
    gc.collect()
    gc.freeze()  # the collector of a fork need not copy what it does not touch


def _modules() -> Iterator[str]:
    yield from _MODULES
    for package in _PACKAGES:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            yield module.name


def _keep_routing() -> None:
    """Read the long list of modules that have moved only once. The function is made for being replaced."""
    read = cache(_collection_finder._meta_yml_to_dict)
    _collection_finder._meta_yml_to_dict = read
    path = Path(str(ansible.config.__file__)).with_name("ansible_builtin_runtime.yml")
    read(path.read_bytes(), ("ansible.builtin", "runtime.yml"))


def _keep_compiled(collections: Path) -> None:
    """Compile the collections beside the playbook, which Ansible compiles anew each time.

    What has been compiled is used for the very same text only, and run by jobs alone.
    """
    known: dict[tuple[bytes, str], Any] = {}

    def compile_once(source: bytes, filename: str, **options: Any) -> Any:
        return known.get((source, filename)) or builtins.compile(source, filename, **options)

    for path in islice(collections.glob("ansible_collections/*/*/plugins/**/*.py"), _MAX_COMPILED):
        with suppress(OSError, SyntaxError, ValueError):
            source = path.read_bytes()
            known[source, str(path)] = compile_once(source, str(path), **_COMPILING)
    _collection_finder.compile = compile_once


def _preload_plugins(loader: Any) -> None:
    for folder in loader._get_package_paths():
        for path in sorted(Path(folder).glob("*.py")):
            if path.stem not in _EMPTY:
                _preload_plugin(loader, path.stem, str(path))


def _preload_plugin(loader: Any, name: str, path: str) -> None:
    context = plugins.PluginLoadContext(loader.type, loader.package)
    context.resolve_legacy(name, {name: plugins.PluginPathContext(path, True)})
    module_name = context._python_module_name
    module = loader._load_module_source(python_module_name=module_name, path=path)
    loader._load_config_defs(name, module, path)
    _preloaded[module_name] = path


def _forget_searches(loader: Any) -> None:
    for kept in (loader._module_cache, loader._plugin_path_cache, loader._searched_paths):
        kept.clear()
    loader._paths = None


def _give_way() -> None:
    """Let an operator's plugin that has the name of one of Ansible's own be loaded in its place."""
    load = plugins.PluginLoader._load_module_source

    def load_what_was_found(self: Any, *, python_module_name: str, path: str) -> Any:
        collection.use(python_module_name, path)
        if _preloaded.pop(python_module_name, path) != path:
            del sys.modules[python_module_name]
            kind = plugins.get_plugin_class(self.class_name)
            constants.config._plugins.get(kind, {}).pop(Path(path).stem, None)
        return load(self, python_module_name=python_module_name, path=path)

    plugins.PluginLoader._load_module_source = load_what_was_found
