"""What requests of one run are shown of each other in the run's log."""

from pathlib import Path
from threading import Event
from uuid import UUID

import pytest

from app.domain.change import Change
from app.runner.ansible.runner import AnsibleRunner
from app.runner.protocol import Run, RunEvent
from tests.support import runs
from tests.support.builders import change
from tests.support.runs import make_site

pytestmark = pytest.mark.usefixtures("warm")

LOOPS = """
- hosts: dns
  gather_facts: false
  vars:
    changes: "{{ lookup('ansible.builtin.file', dns_changes_file) | from_json }}"
  tasks:
    - name: A loop over the changes
      debug: {msg: "said of {{ item.name }}"}
      loop: "{{ changes }}"
      loop_control: {label: "{{ item.action }} {{ item.name }}"}
    - name: A loop that fails
      fail: {msg: "failed for {{ item.name }}"}
      loop: "{{ changes }}"
      loop_control: {label: "{{ item.name }}"}
      ignore_errors: true
    - name: A loop over names
      debug: {msg: "said of {{ item }}"}
      loop: "{{ changes | map(attribute='name') }}"
    - name: A file for each change
      include_tasks: one.yml
      loop: "{{ changes }}"
      loop_control: {loop_var: change, label: "{{ change.name }}"}
    - name: All together
      debug: {msg: "2 changes"}
"""
ONE = """
- name: A task for {{ change.name }}
  debug: {msg: "task for {{ change.name }}"}
- name: A failure
  block:
    - fail: {msg: "no luck with {{ change.name }}"}
  rescue:
    - debug: {msg: "rescued {{ change.name }}"}
"""


@pytest.fixture(scope="module")
def loops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = make_site(tmp_path_factory.mktemp("site"))
    (site / "one.yml").write_text(ONE)
    (site / "provision.yml").write_text(LOOPS)
    return site / "provision.yml"


def events_of(playbook: Path, inventory: Path, *changes: Change) -> list[RunEvent]:
    events: list[RunEvent] = []
    run = Run(UUID(int=7), "example.test", "bind", changes, 60)
    ended = AnsibleRunner(playbook, inventory, (), runs.fork_pool).run(run, events.append, Event())
    assert ended.rc == 0, ended.output
    return events


def test_no_request_is_shown_what_others_of_its_run_ask_for(loops: Path, dns_inventory: Path) -> None:
    mine, other = change("create", "mine", "A", "192.0.2.1"), change("create", "others", "A", "192.0.2.2")
    events = events_of(loops, dns_inventory, mine, other)
    shown = [each.message for each in events if each.request_id in (None, mine.request_id)]
    assert not [line for line in shown if "others" in line]
    for words in ("ok (create mine", "failed for mine", "task for mine", "no luck with mine", "rescued mine"):
        assert any(words in line for line in shown), words
    assert any("2 changes" in line for line in shown)


def test_a_request_that_is_alone_is_shown_all(loops: Path, dns_inventory: Path) -> None:
    events = events_of(loops, dns_inventory, change("create", "mine", "A", "192.0.2.1"))
    assert any("ok (mine.example.test)" in each.message for each in events)
