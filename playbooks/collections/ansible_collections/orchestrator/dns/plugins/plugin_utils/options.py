"""An action's options: what the task says, or else what the variables of the run and of the host say."""

from collections.abc import Callable, Mapping
from typing import Any


class OptionMissing(ValueError):
    """Neither the task nor a variable says what has to be known."""


class Options:
    """The options of one task, each with a variable that is used where the task does not name it.

    A role that writes `server: "{{ dns_server }}"` for each of them has Ansible compile each template in each
    run, which takes longer than to send the update.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        args: Mapping[str, Any],
        task_vars: Mapping[str, Any],
        template: Callable[[Any], Any],
    ) -> None:
        """`variables` holds the variable of each option; `template` evaluates what stands in one."""
        self._variables = variables
        self._args = args
        self._task_vars = task_vars
        self._template = template

    def get(self, option: str) -> Any:
        """The option's value; None when there is none. A text that is empty is none."""
        value = self._args.get(option)
        if value is None:
            value = self._template(self._task_vars.get(self._variables[option]))
        return None if value == "" else value

    def __getitem__(self, option: str) -> str:
        """The text of an option that has to be there. Raises OptionMissing."""
        value = self.get(option)
        if value is None:
            raise OptionMissing(f"{option} is not given, and {self._variables[option]} is not set")
        return str(value)
