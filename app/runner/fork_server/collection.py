"""Imports the collection that is shipped with the app ahead of any run, so that no run has to.

Ansible imports collections by a finder of its own, which is removed again here: each run installs one for the
folders that it finds. A run uses what was imported only where it comes to the very same files, unchanged.
"""

import os
import pkgutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from types import ModuleType

from ansible import constants
from ansible.utils.collection_loader import _collection_finder

_PACKAGES = "ansible_collections"
_ACTIONS = f"{_PACKAGES}.orchestrator.dns.plugins.action"

_State = tuple[int, int, int]
_imported: dict[str, ModuleType] = {}  # by module name
_states: dict[str, _State] = {}  # by the path of the module's file


def import_ahead(playbooks: str) -> None:
    """Import the collection's action plugins from where a run in the folder `playbooks` would find them."""
    folders = [os.path.join(playbooks, "collections"), *constants.COLLECTIONS_PATHS]
    finder = _collection_finder._AnsibleCollectionFinder(folders, False)
    finder._install()
    try:
        with suppress(Exception):  # a run that uses the collection reports what is wrong with it
            for plugin in pkgutil.iter_modules(import_module(_ACTIONS).__path__, f"{_ACTIONS}."):
                import_module(plugin.name)
    finally:
        finder._remove()
        _set_aside([name for name in sys.modules if name.partition(".")[0] == _PACKAGES])


def use(name: str, path: str) -> None:
    """Put what was imported ahead into `sys.modules`, if this plugin is part of it and no file has changed.

    `name` is that of the plugin's module, `path` the file at which the run has found it.
    """
    if name not in _imported or _imported[name].__file__ != path:
        return
    if all(_state(path) == state for path, state in _states.items()):
        for each, module in _imported.items():
            sys.modules.setdefault(each, module)


def _set_aside(names: Iterable[str]) -> None:
    """Take the modules out of `sys.modules`; keep them, but for packages, which depend on the finder."""
    for name in names:
        module = sys.modules.pop(name)
        if not hasattr(module, "__path__") and module.__file__:
            _imported[name] = module
            _states[module.__file__] = _state(module.__file__)


def _state(path: str) -> _State:
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
