"""Grafana reads all of the dashboard, by the types that it publishes, where docker-compose.yml mounts it."""

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import PurePosixPath
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.cog.runtime import Runtime
from grafana_foundation_sdk.models import prometheus, units
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel
from pydantic import ConfigDict, TypeAdapter, ValidationError

from stack.paths import ROOT
from tests.support.compose import SERVICES, mounts, published

FOLDER = ROOT / "deploy" / "grafana"
BOARD = json.loads((FOLDER / "dashboards" / "dns-orchestrator.json").read_text())
WHERE_GRAFANA_LOOKS = PurePosixPath("/etc/grafana/provisioning")  # unless GF_PATHS_PROVISIONING says more


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> None:
    register_default_plugins()


def panels() -> list[Panel]:
    read = Dashboard.from_json(BOARD).panels or ()
    return [panel for panel in read if isinstance(panel, Panel)]


def wrong(board: Mapping[str, Any]) -> list[str]:
    """What Grafana does not know: fields that are lost where it writes what it has read, and other values."""
    read = Dashboard.from_json(dict(board))
    return [*_lost(board, json.loads(JSONEncoder().encode(read)), ""), *_unfit(read, "")]


def _lost(given: Any, kept: Any, place: str) -> Iterator[str]:
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            yield from _lost(value, kept.get(name), f"{place}/{name}")
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, (one, other) in enumerate(zip(given, kept, strict=True)):
            yield from _lost(one, other, f"{place}/{number}")
    elif given != kept:
        yield f"{place}: {given!r}, read as {kept!r}"


def _unfit(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _unfit(each, f"{place}/{number}")
    elif hasattr(value, "from_json"):
        kind: type = type(value)
        for name, adapter in _fields(kind).items():
            found = getattr(value, name)
            try:
                adapter.validate_python(found)
            except ValidationError as error:
                yield f"{place}/{name}: {found!r}: {error.errors()[0]['msg']}"
            yield from _unfit(found, f"{place}/{name}")


@cache
def _fields(kind: type) -> Mapping[str, TypeAdapter[Any]]:
    settings = ConfigDict(arbitrary_types_allowed=True)
    return {name: TypeAdapter(hint, config=settings) for name, hint in get_type_hints(kind).items()}


def test_all_of_it_is_read() -> None:
    assert wrong(BOARD) == []
    assert len(panels()) > 30


@pytest.mark.parametrize(
    "spoil",
    [
        lambda panel: panel.update(titel="Open requests"),
        lambda panel: panel["options"].update(colourMode="value"),
        lambda panel: panel["options"].update(colorMode="values"),
        lambda panel: panel["fieldConfig"]["defaults"].update(min="none"),
        lambda panel: panel["targets"][0].update(legend="open"),
    ],
)
def test_what_is_not_read_is_found(spoil: Callable[[dict[str, Any]], None]) -> None:
    board = deepcopy(BOARD)
    spoil(next(panel for panel in board["panels"] if panel["type"] == "stat"))
    assert len(wrong(board)) == 1


def test_panels_queries_and_units_are_of_known_kinds() -> None:
    assert {panel.type_val for panel in panels()} <= set(Runtime().panelcfg_variants)
    assert {type(query) for panel in panels() for query in panel.targets or ()} == {prometheus.Dataquery}
    used = {panel.field_config.defaults.unit for panel in panels() if panel.field_config}
    assert used <= {unit for unit in vars(units).values() if isinstance(unit, str)}


def test_no_two_panels_have_the_same_id_or_place() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_grafana_finds_what_is_provisioned_where_it_is_mounted() -> None:
    mounted = mounts("grafana")
    assert (ROOT / mounted[str(WHERE_GRAFANA_LOOKS)]).samefile(FOLDER / "provisioning")
    assert {path.name for path in (FOLDER / "provisioning").iterdir()} == {"dashboards", "datasources"}
    for provider in provisioned("dashboards", "providers"):
        assert (ROOT / mounted[provider["options"]["path"]]).samefile(FOLDER / "dashboards")


def test_the_data_source_is_prometheus_in_its_container() -> None:
    [source] = provisioned("datasources", "datasources")
    address = urlsplit(source["url"])
    assert address.hostname in SERVICES["grafana"]["depends_on"]
    assert str(address.port) == published(address.hostname or "")
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    assert source["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]
    asked = [panel.datasource for panel in panels()]
    asked += [query.datasource for panel in panels() for query in panel.targets or ()]  # type: ignore[attr-defined]
    assert {(each.type_val, each.uid) for each in asked if each} == {(source["type"], source["uid"])}
    assert None not in asked


def provisioned(kind: str, name: str) -> list[Mapping[str, Any]]:
    """What the files of a folder provision."""
    files = (FOLDER / "provisioning" / kind).glob("*.yml")
    read = [yaml.safe_load(file.read_text()) for file in files]
    assert all(each["apiVersion"] == 1 for each in read)
    return [item for each in read for item in each[name]]
