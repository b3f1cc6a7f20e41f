"""What Ansible's own readers make of a changes file, whatever requesters wrote."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.change import Action, Change
from app.domain.extra_config import MAX_EXTRA_CONFIG_DEPTH, MAX_EXTRA_CONFIG_KEY
from app.runner.ansible.changes_file import dump_changes
from tests.support.ansible_readers import Readers, ansible_readers
from tests.support.builders import change
from tests.support.thoroughly import examples

_WORDS = st.sampled_from(
    [
        "__ansible_unsafe",
        "__ansible_type",
        "__ansible_vault",
        "___ansible_type",
        "_ansible_no_log",
        "ansible_connection",
        "{{ lookup('pipe', 'exit 1') }}",
        "{% for i in range(9) %}",
        "{# #}",
        "}}",
        "#jinja2: variable_start_string: '['",
        "!unsafe",
        "!vault |",
        "$ANSIBLE_VAULT;1.1;AES256",
        "<<",
        "=",
        "yes",
        "0o7",
        "2001-01-01",
        "\\ud83d\\ude00",
        "😀\x85\u2028\ufffe\x7f\x1b\t\n",
        "- a: b\n- *c",
        "",
    ]
)
_TEXTS = st.one_of(
    _WORDS, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
)
_KEYS = st.one_of(
    _WORDS, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
)
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), _TEXTS
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=8,
)
_CHANGES = st.builds(
    lambda text, comment, extra: replace(
        change("create", "www", "TXT", json.dumps(text), comment=comment, extra_config=extra),
        request_id=UUID(int=1),
    ),
    _TEXTS,
    st.one_of(st.none(), _TEXTS),
    st.dictionaries(_KEYS, _VALUES, max_size=4),
)


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with ansible_readers() as started:
        yield started


def restored(item: dict[str, Any]) -> Change:
    """The change of an item that a playbook reads, by the documented way to undo the escaping of keys."""
    return Change.from_json(item | {"extra_config": _restore(item["extra_config"])}, item["zone"])


def _restore(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key[1:] if key.lstrip("_").startswith("ansible") and key.startswith("___") else key: _restore(
                item
            )
            for key, item in value.items()
        }
    return [_restore(item) for item in value] if isinstance(value, list) else value


def misread(readers: Readers, path: Path, changes: list[Change]) -> dict[str, Any]:
    """What readers make of the changes file of some changes that is not these changes."""
    path.write_text(dump_changes(changes), encoding="utf-8")
    assert [restored(item) for item in json.loads(path.read_text(encoding="utf-8"))] == changes
    return {
        name: items
        for name, items in readers.read(path).items()
        if isinstance(items, str) or [restored(item) for item in items] != changes
    }


@settings(
    max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(_CHANGES, max_size=4))
def test_every_reader_reads_the_same(readers: Readers, tmp_path: Path, changes: list[Change]) -> None:
    assert misread(readers, tmp_path / "changes.json", changes) == {}


@pytest.mark.parametrize("key", ["__ansible_unsafe", "__ansible_type", "__ansible_vault", "___ansible_type"])
def test_ansibles_own_tags_are_texts(readers: Readers, tmp_path: Path, key: str) -> None:
    hostile = {key: "x", "deeper": [{key: {key: ["x"]}}]}
    asked = [change("create", "www", "A", "192.0.2.1", extra_config=hostile), change("delete", "www", "A")]
    assert misread(readers, tmp_path / "changes.json", asked) == {}
    (tmp_path / "naive.json").write_text(json.dumps([each.as_json() for each in asked]))
    if key != "___ansible_type":
        assert "from_json' failed" in readers.read(tmp_path / "naive.json")["from_json"]


def test_what_the_door_lets_in_can_be_read(readers: Readers, tmp_path: Path) -> None:
    deep: dict[str, Any] = {}
    inner = deep
    for _ in range(MAX_EXTRA_CONFIG_DEPTH - 1):
        inner["a"] = inner = {}
    wide = {letter * MAX_EXTRA_CONFIG_KEY: 1e300 for letter in "a{\x85😀"}
    asked = [change("create", "www", "A", "192.0.2.1", extra_config=extra) for extra in (deep, wide)]
    assert misread(readers, tmp_path / "changes.json", asked) == {}


def test_plain_changes_are_written_plainly() -> None:
    plain = [change(Action.CREATE, "www", "A", "192.0.2.1", comment="ä"), change(Action.DELETE, "www", "A")]
    assert json.loads(dump_changes(plain)) == [each.as_json() for each in plain]
    assert dump_changes([]) == "[]"
