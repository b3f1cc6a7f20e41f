"""The options of an action: from the task, or else from variables of the run and of the host."""

from collections.abc import Callable, Mapping
from typing import Any


class OptionMissing(ValueError):
    """A required option is neither in the task nor in its variable."""


class Options:
    """The options of one task; an option that the task does not name is taken from its variable.

    A role could pass them instead, as `server: "{{ dns_server }}"`. But Ansible compiles each template anew
    in each run, which takes longer than to send the update.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        args: Mapping[str, Any],
        task_vars: Mapping[str, Any],
        template: Callable[[Any], Any],
    ) -> None:
        """Take the variable of each option, the task's arguments, and Ansible's variables.

        `template` evaluates a variable whose value is a template.
        """
        self._variables = variables
        self._args = args
        self._task_vars = task_vars
        self._template = template

    def get(self, option: str) -> Any:
        """Return the option's value, or None if it is missing or empty."""
        value = self._args.get(option)
        if value is None:
            value = self._template(self._task_vars.get(self._variables[option]))
        return None if value == "" else value

    def require(self, option: str) -> Any:
        """Return the value of a required option. Raises OptionMissing."""
        value = self.get(option)
        if value is None:
            raise OptionMissing(f"{option} is not given, and {self._variables[option]} is not set")
        return value

    def __getitem__(self, option: str) -> str:
        """Return the text of a required option. Raises OptionMissing."""
        return str(self.require(option))
