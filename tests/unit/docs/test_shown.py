"""The bodies, answers, settings and inventories that pages show are such as the code takes and gives."""

import json
import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.core.config import ROOT, Settings
from app.schemas import access, events, request, response
from tests.support.pages import Block, all_blocks
from tests.support.settings import SetSettings

BODIES = [
    each
    for module in (request, access)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, BaseModel) and each.model_config.get("extra") == "forbid"
]
# Answers and files: words of the block, and the fields that such a thing has.
ANSWERS = {
    '"state": "resting"': set(response.BackendOut.model_fields),
    '"dns.webhook.test"': set(events.CloudEvent.model_fields) - {"traceparent", "subject", "sequence"},
    '"specversion": ': set(events.CloudEvent.model_fields) - {"traceparent"},
    '"drifted": 1': set(response.DriftPage.model_fields),
    '"detail": [': {"detail"},
    '"action": "upsert", "zone"': {
        *("request_id", "action", "zone", "name", "type", "ttl", "rdata", "comment", "extra_config")
    },
    '"outcome": "applied"': {"request_id", "outcome", "code", "message"},
    '"message": "run ended"': {
        *("zone", "run_id", "backend", "changes", "rc", "why"),
        *("logger", "level", "at", "process", "message"),
    },
}
VARIABLE = re.compile(r"^#   (\w+) ", re.MULTILINE)


def shown(language: str) -> list[Any]:
    return [
        pytest.param(block, id=f"{block.page}:{block.line}")
        for block in all_blocks()
        if block.language == language
    ]


def is_body(value: Any) -> bool:
    """Whether a call takes it: no shape of a body has fields that it does not know."""
    for shape in BODIES:
        try:
            TypeAdapter(shape).validate_python(value)
        except ValidationError:
            continue
        return True
    return False


@pytest.mark.parametrize("block", shown("json"))
def test_json_is_a_body_or_an_answer(block: Block) -> None:
    value = json.loads(block.text)
    fields = next((fields for words, fields in ANSWERS.items() if words in block.text), None)
    if fields is None:
        assert is_body(value)
    else:
        for each in value if isinstance(value, list) else [value]:
            assert set(each) == fields


def test_a_body_with_a_field_that_there_is_not_is_none() -> None:
    assert not is_body({"context": {"account_id": "team-a"}, "resource": {"domain": "a.example", "tll": 1}})


@pytest.mark.parametrize("block", shown("env"))
def test_settings_can_be_used(block: Block, set_settings: SetSettings) -> None:
    given = dict(line.split("=", 1) for line in block.text.splitlines())
    known = {name.upper() for name in Settings.model_fields}
    assert {name.partition("__")[0] for name in given} <= known
    set_settings(**given)
    Settings()


@pytest.mark.parametrize("block", shown("yaml"))
def test_yaml_is_an_inventory_or_a_part_of_the_compose_file(block: Block) -> None:
    value = yaml.safe_load(block.text)
    if "services" in value:
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        assert set(value["services"]) <= set(compose["services"])
        used = {name for each in value["services"].values() for name in each["secrets"]}
        assert used == set(value["secrets"])
        return
    group = value.get("dns", {})
    group = group.get("children", {}).get("dns_powerdns", group)
    hosts = group["hosts"].values() if group else [value]
    described = set(VARIABLE.findall((ROOT / "playbooks" / "inventory" / "hosts.yml").read_text()))
    for host in hosts:
        assert set(host) - {"ansible_connection", "ansible_python_interpreter"} <= described
