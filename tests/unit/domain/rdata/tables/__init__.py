"""Values of each type: how they may be written, and what is refused."""

from importlib import import_module
from pkgutil import iter_modules

TABLES = tuple(import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__))
