"""The collection that comes with the app, imported before any run; else each run would import it anew.

Ansible imports collections by a finder of its own, which is taken away again here: a job makes one for the
folders that it finds. What was imported is used when a job comes to the very same files, unchanged.
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
_imported: dict[str, ModuleType] = {}
_states: dict[str, _State] = {}  # of their files


def import_ahead(playbooks: str) -> None:
    """Import the collection's action plugins from where a run in this folder would find them."""
    folders = [os.path.join(playbooks, "collections"), *constants.COLLECTIONS_PATHS]
    finder = _collection_finder._AnsibleCollectionFinder(folders, False)
    finder._install()
    try:
        with suppress(Exception):  # whatever is wrong with it, a run will say
            for plugin in pkgutil.iter_modules(import_module(_ACTIONS).__path__, f"{_ACTIONS}."):
                import_module(plugin.name)
    finally:
        finder._remove()
        _keep([name for name in sys.modules if name.partition(".")[0] == _PACKAGES])


def use(name: str, path: str) -> None:
    """Take what was imported for imported now, if this plugin is among it and no file of it has changed."""
    if name not in _imported or _imported[name].__file__ != path:
        return
    if all(_state(path) == state for path, state in _states.items()):
        for each, module in _imported.items():
            sys.modules.setdefault(each, module)


def _keep(names: Iterable[str]) -> None:
    for name in names:
        module = sys.modules.pop(name)
        if not hasattr(module, "__path__") and module.__file__:  # packages depend on the finder
            _imported[name] = module
            _states[module.__file__] = _state(module.__file__)


def _state(path: str) -> _State:
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
