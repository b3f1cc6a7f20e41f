"""The tables of a role's variables, for people, list those that its action reads."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from ansible_collections.orchestrator.dns.plugins.action import dynamic_update, powerdns_update

from app.core.config import ROOT

ACTIONS = pytest.mark.parametrize(
    ("role", "action"),
    [("rfc2136", dynamic_update), ("powerdns", powerdns_update)],
)


def variables(action: Any) -> Mapping[str, str]:
    found: Mapping[str, str] = action.ActionModule.variables
    return found


@ACTIONS
def test_the_readme_and_the_tasks_list_the_variables(role: str, action: Any) -> None:
    folder = ROOT / "playbooks" / "roles" / role
    readme = re.findall(r"^\| `(\w+)` \|", (folder / "README.md").read_text(), re.MULTILINE)
    tasks = re.findall(r"^#   (\w+)  ", (folder / "tasks" / "main.yml").read_text(), re.MULTILINE)
    assert sorted(readme) == sorted(tasks) == sorted(variables(action).values())


@ACTIONS
def test_the_documentation_of_the_action_lists_its_options_and_variables(role: str, action: Any) -> None:
    documentation = yaml.safe_load(action.DOCUMENTATION)
    assert documentation["options"].keys() == variables(action).keys()
    named = re.findall(r"C\((\w+)\)", " ".join(documentation["description"]))
    assert sorted(named) == sorted(variables(action).values())
