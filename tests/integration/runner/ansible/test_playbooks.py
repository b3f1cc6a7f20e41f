"""Other people's playbooks under the runner: what they get, and what becomes of what they leave."""

import json
import os
from dataclasses import replace
from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.support.builders import change
from tests.support.runs import execute, make_site

RECORD = change("create", "www", "A", "192.0.2.1")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inventory") / "hosts.ini"
    path.write_text(
        "bind dns_server=127.0.0.1\nother\n[all:vars]\nansible_connection=local\n"
        "ansible_python_interpreter='{{ ansible_playbook_python }}'\n"
    )
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_site(tmp_path_factory.mktemp("site"))


def playbook(folder: Path, tasks: str) -> Path:
    path = folder / "site.yml"
    path.write_text("- hosts: bind\n  gather_facts: false\n  tasks:\n" + indent(dedent(tasks), "    "))
    return path


def results(*items: object) -> str:
    """A task that writes a results file."""
    text = json.dumps(json.dumps(items))
    return f"- write_file: {{path: '{{{{ dns_results_file }}}}', text: {text}}}\n"


@pytest.mark.parametrize("view", ["", "inside"])
@pytest.mark.usefixtures("either_way")
def test_a_playbook_gets_what_the_contract_says(hosts: Path, tmp_path: Path, site: Path, view: str) -> None:
    record = replace(RECORD, zone=f"example.test@{view}") if view else RECORD
    seen = tmp_path / "seen"
    path = playbook(
        site,
        f"""
        - write_file:
            path: {seen}
            text: "{{{{ {{'run': dns_run_id, 'zone': dns_zone, 'view': dns_view, 'host': inventory_hostname,
              'changes': lookup('file', dns_changes_file) | from_json}} | to_json }}}}"
        - debug: {{msg: "mode {{{{ lookup('pipe', 'stat -c %a ' ~ dns_changes_file | dirname) }}}}"}}
        """,
    )
    ended = execute(hosts, record, playbook=path)
    assert ended.result.rc == 0
    assert json.loads(seen.read_text()) == {
        "run": "00000000-0000-0000-0000-000000000007",
        "zone": "example.test",
        "view": view,
        "host": "bind",
        "changes": [RECORD.as_json()],
    }
    assert "bind: task ok, mode 700" in ended.events
    assert ended.outcomes == [("unknown", None)]
    assert "the results file was not written" in ended.events


@pytest.mark.usefixtures("warm")
def test_why_a_playbook_could_not_run_at_all(hosts: Path, site: Path) -> None:
    ended = execute(hosts, RECORD, playbook=playbook(site, "- no_such_module: {}\n"))
    assert ended.result.rc not in (0, None)
    assert "no_such_module" in ended.result.output
    assert ended.outcomes == [("unknown", None)]
    assert any("no_such_module" in event for event in ended.events), ended.events


@pytest.mark.usefixtures("either_way")
def test_nothing_of_a_run_is_left(
    hosts: Path, tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    ended = execute(hosts, RECORD, playbook=playbook(site, "- tempfile: {state: file}\n"))
    assert ended.result.rc == 0
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.usefixtures("either_way")
def test_secrets_of_the_worker_do_not_reach_a_playbook(
    hosts: Path, tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hidden-password@db/dns")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://:hidden-password@redis/0")
    monkeypatch.setenv("API_TOKEN", "token-for-the-playbook")
    seen = tmp_path / "seen"
    path = playbook(site, f"- shell: env > {seen}; echo $API_TOKEN; env >&2\n  failed_when: true\n")
    ended = execute(hosts, RECORD, playbook=path, environment=["API_TOKEN"])
    assert ended.result.rc == 2
    assert "hidden-password" not in seen.read_text()
    assert "API_TOKEN=token-for-the-playbook" in seen.read_text()
    assert "token-for-the-playbook" not in ended.everything
    assert "********" in ended.everything


@pytest.mark.usefixtures("warm")
def test_results_are_read_and_nonsense_is_reported(hosts: Path, site: Path) -> None:
    good = {"request_id": str(RECORD.request_id), "outcome": "applied"}
    path = playbook(site, results(good, {"request_id": "unheard of", "outcome": "applied"}))
    ended = execute(hosts, RECORD, playbook=path)
    assert ended.outcomes == [("applied", None)]
    assert "the results file can't be understood: item 1 has no request_id" in ended.events


@pytest.mark.usefixtures("warm")
def test_a_playbook_that_fails_after_its_results(hosts: Path, site: Path) -> None:
    bad = {"request_id": str(RECORD.request_id), "outcome": "failed", "code": "no_room", "message": "full"}
    path = playbook(site, results(bad) + "- fail: {msg: that was all}\n")
    ended = execute(hosts, RECORD, playbook=path)
    assert ended.result.rc == 2
    assert ended.outcomes == [("failed", "no_room")]
    assert "bind: failed, that was all" in ended.events
    assert ended.result.stats["bind"]["failures"] == 1


@pytest.mark.usefixtures("warm")
def test_items_of_a_loop_and_hidden_tasks(hosts: Path, site: Path) -> None:
    path = playbook(
        site,
        """
        - name: Loop
          debug: {msg: "at {{ item }}"}
          loop: [one, two]
        - name: Hidden
          debug: {msg: very secret}
          no_log: true
        - name: Skipped
          debug: {msg: never}
          when: false
        """,
    )
    ended = execute(hosts, RECORD, playbook=path)
    assert ended.events == [
        "play: bind",
        "task: Loop",
        "bind: ok (one), at one",
        "bind: ok (two), at two",
        "bind: task ok, All items completed",
        "task: Hidden",
        "bind: task ok",
        "task: Skipped",
        "bind: skipped",
        "tasks finished: bind: 2 ok, 1 skipped",
        "the results file was not written",
    ]


@pytest.mark.usefixtures("either_way")
def test_the_configuration_beside_the_playbook_counts(hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\nroles_path = mine\ncallback_plugins = plugins\n")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "shout.py").write_text(
        dedent(
            """
            from ansible.plugins.callback import CallbackBase
            DOCUMENTATION = "name: shout\\ntype: aggregate\\nshort_description: x\\ndescription: x"
            class CallbackModule(CallbackBase):
                CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "aggregate", "shout"
                def v2_playbook_on_play_start(self, play):
                    print("SHOUT")
            """
        )
    )
    (tmp_path / "mine" / "greet" / "tasks").mkdir(parents=True)
    (tmp_path / "mine" / "greet" / "tasks" / "main.yml").write_text("- debug: {msg: hello}\n")
    ended = execute(hosts, RECORD, playbook=playbook(tmp_path, "- include_role: {name: greet}\n"))
    assert "bind: task ok, hello" in ended.events
    assert "SHOUT" in ended.result.output


@pytest.mark.usefixtures("either_way")
def test_endless_output_is_cut_at_its_beginning(hosts: Path, site: Path) -> None:
    path = playbook(site, "- fail: {msg: \"{{ 'x' * 900000 }}\"}\n")
    ended = execute(hosts, RECORD, playbook=path)
    assert len(ended.result.output) < 270_000
    assert ended.result.output.startswith("…")
    assert "failed=1" in ended.result.output


# --- runs that do not start


def test_a_playbook_that_is_missing(hosts: Path, tmp_path: Path) -> None:
    ended = execute(hosts, RECORD, playbook=tmp_path / "none.yml")
    assert ended.result.rc == 1
    assert ended.result.output == f"the playbook {tmp_path / 'none.yml'} does not exist"
    assert ended.events == [f"the run could not start: {ended.result.output}"]


@pytest.mark.parametrize("backend", ["nobody", "all", "ungrouped"])
def test_a_backend_that_the_inventory_does_not_have(hosts: Path, tmp_path: Path, backend: str) -> None:
    seen = tmp_path / "seen"
    path = playbook(tmp_path, f"- file: {{path: {seen}, state: touch}}\n")
    ended = execute(hosts, RECORD, playbook=path, backend=backend)
    assert ended.result.rc == 1
    assert f'has no host "{backend}"; it has: bind, other' in ended.result.output
    assert not seen.exists()


@pytest.mark.parametrize("backend", ["b*", "bind,other", "!other", "@/etc/passwd", "-v", ""])
def test_a_backend_is_no_pattern(hosts: Path, tmp_path: Path, backend: str) -> None:
    ended = execute(hosts, RECORD, playbook=playbook(tmp_path, "- debug: {}\n"), backend=backend)
    assert ended.result.rc == 1
    assert "play: bind" not in ended.events


def test_a_zone_is_no_template(hosts: Path, tmp_path: Path) -> None:
    pwned = tmp_path / "pwned"
    evil = replace(RECORD, zone=f"{{{{ lookup('pipe', 'touch {pwned}') }}}}")
    ended = execute(hosts, evil, playbook=playbook(tmp_path, "- debug: {msg: '{{ dns_zone }}'}\n"))
    assert ended.result.rc == 1
    assert not pwned.exists()


def test_an_inventory_that_is_missing(tmp_path: Path) -> None:
    ended = execute(tmp_path / "none", RECORD, playbook=playbook(tmp_path, "- debug: {}\n"))
    assert ended.result.rc == 1
    assert "does not exist" in ended.result.output


def test_no_room_for_a_working_folder(hosts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    ended = execute(hosts, RECORD, playbook=playbook(tmp_path, "- debug: {}\n"))
    assert ended.result.rc == 1
    assert os.strerror(2) in ended.result.output
