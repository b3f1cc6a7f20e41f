"""`python …/fork_server/__main__.py PART ARGUMENT…` runs `main` of one of this package's modules.

It is started by its path, and makes the package known to Python itself. With `python -m fork_server` the
folder above would be in `sys.path`, and `import ansible` could find the app's package of that name, which
lies there, instead of Ansible.
"""

import os
import sys
from importlib import import_module
from types import ModuleType


def main() -> None:
    """Run the part that the first argument names, with the arguments that follow."""
    package = ModuleType("fork_server")
    package.__path__ = [os.path.dirname(__file__)]
    sys.modules[package.__name__] = package
    import_module(f"{package.__name__}.{sys.argv.pop(1)}").main()


if __name__ == "__main__":
    main()
